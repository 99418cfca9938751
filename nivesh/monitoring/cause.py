"""Why a window differs from the reference, and so what to do about it. Pure: it judges what drift and accuracy have measured.

    upstream_fault   the data are broken: missing, outside of what the training data had, in another format.
                     Alert; the window is quarantined and nothing is trained on it.
    quality_drop     the model is worse than it was accepted with. Retrain.
    harmless_drift   the data have moved and the quality is intact. Tell; training would cost money and risk for nothing.
    none             nothing is to be told.

A fault comes before a drop: a model that gets broken data is bad as well, and training on them makes it worse.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from nivesh.monitoring.drift import UNSEEN, ColumnDrift

Kind = Literal["none", "upstream_fault", "harmless_drift", "quality_drop"]

# How large a change must be, beside being no chance, before it stops a retraining. Set by us; the effect on the shipped samples
# is in tests/monitoring/test_cause.py.
MISSING_RISE = 0.02  # of all rows
OUTSIDE_SHARE = 0.05  # of the rows: a mean that moves by two standard deviations puts 5 % of normal values outside
# A 95 % interval becomes one of 99.9 %: of a model that is as good as ever, 52 windows a year show a drop in 3 % of the years.
QUALITY_MARGIN = 3.29 / 1.96
UNSEEN_DISTANCE = 0.5  # of a category's rows are words that the reference has not: another spelling, not another public


@dataclass(frozen=True)
class Quality:
    """A model's quality in a window beside what it was accepted with.

    Attributes:
        metric: name of the primary metric.
        source: labels, or estimate where labels are not there yet.
        value, low, high: the metric and its interval in the window.
        expected: the held-out value of the version.
        rows: of the window, that the value is from.
        higher_is_better: direction of the metric.
        expected_error: half of the 95 % interval of ``expected``, from the held-out rows; 0 where it is not known.
    """

    metric: str
    source: Literal["labels", "estimate"]
    value: float
    low: float
    high: float
    expected: float
    rows: int
    higher_is_better: bool = True
    expected_error: float = 0.0

    @property
    def dropped(self) -> bool:
        """Whether the value is worse than expected by more than chance, of the window and of the held-out rows, explains."""
        worse = self.expected - self.value if self.higher_is_better else self.value - self.expected
        error = self.value - self.low if not self.higher_is_better else self.high - self.value
        return worse > QUALITY_MARGIN * math.hypot(error, self.expected_error)

    @property
    def sentence(self) -> str:
        figures = f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f}, {self.rows} rows)"
        name = self.metric if self.source == "labels" else f"the estimate of {self.metric}"
        return f"{name} is {figures}, {self.expected:.4f} when the version was accepted"


@dataclass(frozen=True)
class Cause:
    """The verdict on a window.

    Attributes:
        kind: see the module.
        sentence: for people, with the column or segment that moved most and its numbers.
        columns: those that the verdict is about, the strongest first.
    """

    kind: Kind
    sentence: str
    columns: tuple[str, ...] = ()

    @property
    def retrains(self) -> bool:
        return self.kind == "quality_drop"

    @property
    def quarantines(self) -> bool:
        return self.kind == "upstream_fault"


@dataclass(frozen=True)
class Outside:
    """The share of a column's values that are beyond the smallest and largest of the reference.

    Attributes:
        share: 0 to 1, of the values that are there.
        p: probability of so many without drift.
        low, high: the reference's smallest and largest value.
        example: the value that is farthest away.
    """

    share: float
    p: float
    low: float
    high: float
    example: float


def values_outside(reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str]) -> dict[str, Outside]:
    """For each column of numbers, how many values of the window the reference's range does not hold.

    If both are drawn from one distribution, the k largest of all n + m values are all of the window with probability
    m(m-1)…(m-k+1) / (n+m)(n+m-1)…(n+m-k+1); ``p`` is twice the smaller of both ends'. Infinite values are outside.
    """
    found = {}
    for name in columns:
        if name not in current or not pd.api.types.is_numeric_dtype(reference[name]):
            continue
        before = pd.to_numeric(reference[name], errors="coerce").dropna().to_numpy(dtype=float)
        before = before[np.isfinite(before)]
        after = pd.to_numeric(current[name], errors="coerce").dropna().to_numpy(dtype=float)
        if not len(before) or not len(after):
            continue
        low, high = float(before.min()), float(before.max())
        above, below = int((after > high).sum()), int((after < low).sum())
        p = min(1.0, 2 * min(_all_extreme(count, len(after), len(before)) for count in (above, below)))
        beyond = np.maximum(after - high, low - after)
        found[name] = Outside((above + below) / len(after), p, low, high, float(after[int(np.argmax(beyond))]))
    return found


def cause(
    drifts: Sequence[ColumnDrift],
    quality: Sequence[Quality] = (),
    outside: Mapping[str, Outside] | None = None,
    segments: Mapping[str, Sequence[ColumnDrift]] | None = None,
    scheduled: bool = False,
) -> Cause:
    """Judge a window.

    Args:
        drifts: every column of the window against the reference, as ``drift.compare`` gives them; empty where there is no
            reference.
        quality: with labels, estimated, both or none.
        outside: of ``values_outside``.
        segments: the drifts within each segment, by its name such as ``region=south``; for the sentence only.
        scheduled: a retraining is due by the calendar.
    """
    faults = [(sentence, one) for one in drifts if (sentence := _fault(one, (outside or {}).get(one.column)))]
    if faults:
        sentence, _ = faults[0]
        more = f", and {len(faults) - 1} more columns" if len(faults) > 1 else ""
        return Cause("upstream_fault", f"broken data: {sentence}{more}", tuple(one.column for _, one in faults))
    drifted = sorted((one for one in drifts if one.drifted), key=lambda one: -one.score)
    names = tuple(one.column for one in drifted)
    moved = _moved(drifted, segments or {})
    # Labels are measured, an estimate is computed from the model's own probabilities.
    for one in sorted(quality, key=lambda one: one.source != "labels"):
        if one.dropped:
            return Cause("quality_drop", one.sentence + (f"; moved most: {moved}" if moved else ""), names)
    if scheduled:
        return Cause("quality_drop", "due by schedule" + (f"; moved most: {moved}" if moved else ""), names)
    if drifted:
        intact = "; ".join(one.sentence for one in quality) or "the quality is not known yet"
        return Cause("harmless_drift", f"{moved}; {intact}", names)
    return Cause("none", "; ".join(one.sentence for one in quality) or "no column has drifted", ())


def _fault(one: ColumnDrift, outside: Outside | None) -> str:
    """What is broken about a column; "" for nothing."""
    level = 10.0**-one.threshold
    if one.drifted and one.missing >= 1.0:
        return f"{one.column} is missing in all rows, in {one.reference_missing:.1%} in the reference"
    if one.drifted and one.missing - one.reference_missing > MISSING_RISE:
        return (
            f"{one.column} is missing in {one.missing:.1%} of the rows, in {one.reference_missing:.1%} in the reference"
        )
    if outside is not None and outside.share > OUTSIDE_SHARE and outside.p < level:
        return (
            f"{outside.share:.1%} of {one.column} are outside of the reference's {outside.low:,.6g} to {outside.high:,.6g}, "
            f"such as {outside.example:,.6g}"
        )
    if one.drifted and one.direction == UNSEEN and one.distance > UNSEEN_DISTANCE:
        return f"{one.sentence}; its words have changed"
    return ""


def _moved(drifted: Sequence[ColumnDrift], segments: Mapping[str, Sequence[ColumnDrift]]) -> str:
    """The column that moved most, in the segment where it moved most; "" where none has drifted."""
    if not drifted:
        return ""
    first = drifted[0]
    within = [
        (one.distance, name, one) for name, drifts in segments.items() for one in drifts if one.column == first.column
    ]
    within = [item for item in within if item[2].drifted]
    if not within:
        return first.sentence
    _, name, strongest = max(within, key=lambda item: item[:2])
    return f"{first.sentence}, most where {name} ({strongest.sentence.removeprefix(f'{first.column}: ')})"


def _all_extreme(count: int, window: int, reference: int) -> float:
    """The probability that the ``count`` most extreme of all values are of the window."""
    if count == 0:
        return 1.0
    logs = math.lgamma(window + 1) - math.lgamma(window - count + 1)
    logs -= math.lgamma(window + reference + 1) - math.lgamma(window + reference - count + 1)
    return math.exp(logs)
