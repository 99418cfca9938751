"""Challenger against targets, floor and champion -> Verdict. It refuses whatever is not shown to be better."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeGuard

from nivesh.spec import COMPARISONS, MetricThreshold, Spec, lookup

EQUAL_MARGIN = 0.01  # of the champion's metric
LOSS_MARGIN = 0.03  # of the champion's loss; see "Wrong labels" in docs/monitoring.md for what it lets through


@dataclass(frozen=True)
class Verdict:
    """Whether a model may be registered, and why.

    Attributes:
        passed: it may be registered and served.
        reason: one sentence for people.
        missed: the targets it does not reach; a model that misses some is marked "below target".
    """

    passed: bool
    reason: str
    missed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of a difference, challenger minus champion, over ``rows`` held-out rows (or users: ``unit``)."""

    low: float
    high: float
    rows: int
    unit: str = "rows"


@dataclass(frozen=True)
class Segment:
    """The primary metric of both models on a part of the rows, and the interval of the difference."""

    name: str
    challenger: float
    champion: float
    interval: Interval


@dataclass(frozen=True)
class GoldenSet:
    """Both models on frozen rows that no training has seen.

    Attributes:
        rows: how many.
        challenger, champion: metrics of ``evaluate``; None without a champion that can be used.
        interval: of the difference of the primary metric.
        segments: within each segment.
        loss: of the probabilities; None for a model without one.
    """

    rows: int
    challenger: dict[str, Any]
    champion: dict[str, Any] | None = None
    interval: Interval | None = None
    segments: Sequence[Segment] = ()
    loss: Segment | None = None


def decide(
    spec: Spec,
    challenger: dict[str, Any],
    champion: dict[str, Any] | None = None,
    *,
    problem: str = "",
    interval: Interval | None = None,
    accept_equal: bool = False,
    segments: Sequence[Segment] = (),
    golden: GoldenSet | None = None,
) -> Verdict:
    """Judge a challenger by its metrics and by those of the champion on the same held-out rows.

    Args:
        spec: the model's targets, floor and primary metric.
        challenger: metrics of ``evaluate``, nested.
        champion: metrics of the model now served on the same rows, or None where there is none that can be used.
        problem: why the champion cannot be used; it counts as none then.
        interval: of the difference of the primary metric; a difference that may be noise does not pass.
        accept_equal: a challenger on newer data passes where it is as good: at most EQUAL_MARGIN of the champion's
            metric worse.
        segments: of the held-out rows; one that is shown to be worse refuses where ``accept_equal`` would pass the whole.
        golden: refuses where the challenger is not shown to be as good there too. A model that has learned wrong labels
            looks well on held-out rows with the same wrong labels.

    A target that the held-out rows cannot measure is passed over where the metrics say why (``not_measured``, by the
    target's metric); primary metric and floor must be measured.

    Returns:
        The verdict; its reason names what the metrics were measured on where they say so (``evaluated_on``), and the
        targets that were not measured.
    """
    unmeasured = {
        target.metric: challenger["not_measured"][target.metric]
        for target in spec.targets
        if target.metric in challenger.get("not_measured", {})
    }
    measurable = dataclasses.replace(
        spec, targets=tuple(target for target in spec.targets if target.metric not in unmeasured)
    )
    verdict = _decide(measurable, challenger, champion, problem, interval, accept_equal)
    reason = verdict.reason
    if verdict.passed:
        worse = _worse_segment(measurable, segments) if accept_equal else ""
        worse = worse or (_worse_on_golden_set(measurable, golden) if golden else "")
        if worse:
            verdict, reason = Verdict(False, worse, verdict.missed), worse
        elif golden:
            reason += f"; as good on the golden set of {golden.rows} rows"
    measured_on = challenger.get("evaluated_on")
    reason += f"; measured on {measured_on}" if measured_on else ""
    if unmeasured:
        reason += "; not measured: " + ", ".join(f"{metric} ({why})" for metric, why in unmeasured.items())
    return dataclasses.replace(verdict, reason=reason)


def _decide(
    spec: Spec,
    challenger: dict[str, Any],
    champion: dict[str, Any] | None,
    problem: str,
    interval: Interval | None,
    accept_equal: bool,
) -> Verdict:
    for metric in (spec.primary, *(threshold.metric for threshold in (*spec.floor, *spec.targets))):
        if not _is_number(lookup(challenger, metric)):
            return Verdict(
                False, f"{metric} is {_shown(challenger, metric)}: a metric that was not measured does not pass"
            )

    unmet = [threshold for threshold in spec.floor if not holds(threshold, challenger)]
    if unmet:
        return Verdict(False, "below the floor: " + "; ".join(_explain(threshold, challenger) for threshold in unmet))

    missed = tuple(_explain(threshold, challenger) for threshold in spec.targets if not holds(threshold, challenger))
    if champion is None:
        first = (
            f"better than its baseline; the champion cannot be used ({problem})"
            if problem
            else ("the first model, better than its baseline")
        )
        return Verdict(True, first + _below(missed), missed)

    ours, theirs = lookup(challenger, spec.primary), lookup(champion, spec.primary)
    if not _is_number(ours) or not _is_number(theirs):
        return Verdict(
            False, f"the champion's {spec.primary} is {_shown(champion, spec.primary)}: cannot compare", missed
        )
    figures = f"{spec.primary} {ours:.4f} against the champion's {theirs:.4f}"
    if interval:
        figures += (
            f" (difference {interval.low:+.4f} to {interval.high:+.4f}, 95 % interval, {interval.rows} {interval.unit})"
        )
    lost = [str(target) for target in spec.targets if holds(target, champion) and not holds(target, challenger)]
    if lost:
        return Verdict(False, f"loses a target that the champion meets: {', '.join(lost)}", missed)
    sign = 1 if spec.higher_is_better else -1
    gain = sign * (ours - theirs)
    sure_gain = gain if interval is None else min(sign * interval.low, sign * interval.high)
    if accept_equal and sure_gain <= 0 and sure_gain >= -EQUAL_MARGIN * abs(theirs):
        return Verdict(True, f"as good, on newer data: {figures}" + _below(missed), missed)
    if gain == 0:
        return Verdict(False, f"not better: {figures} on the same held-out rows", missed)
    if gain < 0:
        return Verdict(False, f"worse: {figures} on the same held-out rows", missed)
    if sure_gain <= 0:
        return Verdict(False, f"not shown to be better: {figures}", missed)
    return Verdict(True, f"better: {figures}" + _below(missed), missed)


def _worse_segment(spec: Spec, segments: Sequence[Segment]) -> str:
    """The segment that is worse by more than EQUAL_MARGIN and by more than chance; "" for none."""
    sign = 1 if spec.higher_is_better else -1
    for one in segments:
        beyond_chance = max(sign * one.interval.low, sign * one.interval.high) < 0
        if beyond_chance and sign * (one.challenger - one.champion) < -EQUAL_MARGIN * abs(one.champion):
            return (
                f"worse where {one.name}: {spec.primary} {one.challenger:.4f} against the champion's {one.champion:.4f} "
                f"({one.interval.rows} rows)"
            )
    return ""


def _worse_on_golden_set(spec: Spec, golden: GoldenSet) -> str:
    """Why a challenger is not as good on the golden set; "" where it is.

    It must keep every condition that the champion keeps there (without a champion, the floor), the primary metric must be
    shown to be at most EQUAL_MARGIN worse (non-inferiority), the loss at most LOSS_MARGIN, and no segment may be worse.
    """
    where = f"on the golden set of {golden.rows} rows"
    kept = spec.floor if golden.champion is None else [
        one for one in (*spec.floor, *spec.targets) if holds(one, golden.champion)
    ]  # fmt: skip
    if lost := [one for one in kept if not holds(one, golden.challenger)]:
        return f"{where}: {'; '.join(_explained(one, golden.challenger) for one in lost)}"
    if golden.champion is None:
        return ""
    ours, theirs = lookup(golden.challenger, spec.primary), lookup(golden.champion, spec.primary)
    if not _is_number(ours) or not _is_number(theirs):
        return f"{where}: {spec.primary} cannot be compared"
    sign = 1 if spec.higher_is_better else -1
    interval = golden.interval
    sure = sign * (ours - theirs) if interval is None else min(sign * interval.low, sign * interval.high)
    if sure < -EQUAL_MARGIN * abs(theirs):
        difference = f"{sign * sure:+.4f} at worst" if interval else f"{ours - theirs:+.4f}"
        return f"{where} not shown to be as good: {spec.primary} {ours:.4f} against the champion's {theirs:.4f}, {difference}"
    loss = golden.loss
    if loss and loss.interval.high > LOSS_MARGIN * loss.champion:
        return (
            f"{where} the probabilities are not shown to be as good: loss {loss.challenger:.4f} against the champion's "
            f"{loss.champion:.4f}, {loss.interval.high:+.4f} at worst"
        )
    worse = _worse_segment(spec, golden.segments)
    return f"{where} {worse}" if worse else ""


def _explained(threshold: MetricThreshold, metrics: dict[str, Any]) -> str:
    value = lookup(metrics, threshold.metric)
    return (
        _explain(threshold, metrics)
        if _is_number(value)
        else f"{threshold.metric} is {_shown(metrics, threshold.metric)}"
    )


def holds(threshold: MetricThreshold, metrics: dict[str, Any]) -> bool:
    """Whether a condition is met; one that cannot be measured is not met."""
    value = lookup(metrics, threshold.metric)
    bound = lookup(metrics, threshold.other_metric) if threshold.other_metric else threshold.value
    return _is_number(value) and _is_number(bound) and bool(COMPARISONS[threshold.op](value, bound))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(metrics: dict[str, Any], path: str) -> str:
    value = lookup(metrics, path)
    return "missing" if value is None else str(value)


def _explain(threshold: MetricThreshold, metrics: dict[str, Any]) -> str:
    value = lookup(metrics, threshold.metric)
    bound = f" ({_shown(metrics, threshold.other_metric)})" if threshold.other_metric else ""
    return f"{threshold.metric} {value:.4f}, must be {threshold.op} {threshold.other_metric or threshold.value}{bound}"


def _below(missed: tuple[str, ...]) -> str:
    return f"; below target: {'; '.join(missed)}" if missed else ""
