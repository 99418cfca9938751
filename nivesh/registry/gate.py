"""Challenger against targets, floor and champion -> Verdict. It refuses whatever is not shown to be better."""

import dataclasses
import math
from dataclasses import asdict, dataclass
from typing import Any, TypeGuard

from nivesh.spec import COMPARISONS, MetricThreshold, Spec, lookup

EQUAL_MARGIN = 0.01  # of the champion's metric


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


def decide(
    spec: Spec,
    challenger: dict[str, Any],
    champion: dict[str, Any] | None = None,
    *,
    problem: str = "",
    interval: Interval | None = None,
    accept_equal: bool = False,
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
    measured_on = challenger.get("evaluated_on")
    reason = verdict.reason + (f"; measured on {measured_on}" if measured_on else "")
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
