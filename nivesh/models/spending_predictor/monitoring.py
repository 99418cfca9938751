"""What monitoring compares, and how forecasts are measured against what was spent later."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from nivesh.features.spending_history import History, first_day, number
from nivesh.models.samples import Replay, Sample, pairs
from nivesh.models.served import sampled
from nivesh.models.spending_predictor.inference import SpendingModel, predict

TEXT = ""
NO_ESTIMATE = ""
DAYS_PER_MONTH = 365.25 / 12


def monitored(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The horizon, the length of the user's history, and the forecast: rupees a month, its interval, its categories."""
    total, months = answer["total"], answer["horizon_days"] / DAYS_PER_MONTH
    return {
        "horizon_days": answer["horizon_days"],
        "history_months": _history_months(request.get("features") or {}),
        "amount_per_month": total["amount"] / months,
        "relative_interval": (total["upper"] - total["lower"]) / total["amount"] if total["amount"] > 0 else None,
        "categories": len(answer["by_category"]),
        "largest_category": next(iter(answer["by_category"]), "none"),
        "method": answer["method"],
    }


def replay(model: SpendingModel, test: pd.DataFrame, history: pd.DataFrame | None, limit: int) -> Replay:
    """A request of every user at the start of each month of the test rows, for that month or the model's shorter horizon."""
    from nivesh.models.spending_predictor.evaluation import holdouts

    rows: list[tuple[dict[str, Any], float | None]] = []
    for held_out in holdouts(model, test, history):
        for user, past in held_out.histories.items():
            month, actual = number(held_out.first), held_out.actual[user]
            if held_out.first.day == 1 and month in actual.columns:
                days = monthrange(held_out.first.year, held_out.first.month)[1]
                request = {"user_id": user, "horizon_days": min(days, model.horizon), "features": _stored(past)}
                rows.append((request, float(actual[month].sum()) if days <= model.horizon else None))
    chosen = sampled(pd.DataFrame(rows, columns=["request", "label"], dtype=object), limit)
    requests = chosen["request"].tolist()
    return Replay(requests, predict(model, requests), chosen["label"].tolist())


def label_names(label: float) -> list[str]:
    """No names: a label is the rupees that were spent within the horizon."""
    return []


def samples(answers: Sequence[Any], labels: Sequence[Any]) -> dict[str, Sample]:
    """mae: the absolute error of each forecast's total, in rupees a month of its horizon."""
    both = pairs(answers, labels)
    errors = [abs(answer["total"]["amount"] - label) / _months(answer) for answer, label in both]
    return {"mae": Sample("mean", np.array(errors, float))}


def scores(answers: Sequence[Any]) -> np.ndarray:
    """The width of each forecast's 80 % interval in rupees a month, from which the error is estimated."""
    widths = [(answer["total"]["upper"] - answer["total"]["lower"]) / _months(answer) for answer in answers]
    return np.array(widths, float)


def _months(answer: dict[str, Any]) -> float:
    """A whole calendar month counts as one, whatever its days; a shorter horizon is no month of errors either."""
    return max(1.0, round(answer["horizon_days"] / DAYS_PER_MONTH, 1))


def _history_months(features: dict[str, Any]) -> int | None:
    """Whole months before the day that the user's rows reach to."""
    try:
        year, month = map(int, features["first_month"].split("-"))
        return number(date.fromisoformat(features["last_date"])) + 1 - (12 * year + month - 1)
    except (KeyError, ValueError, AttributeError):
        return None


def _stored(history: History) -> dict[str, Any]:
    """As the feature store keeps it; see ``spending_history.histories``."""
    return {
        "last_date": history.last.isoformat(),
        "first_month": f"{first_day(history.first_month):%Y-%m}",
        "by_category": dict(zip(history.categories, history.amounts.tolist(), strict=True)),
        "income": history.income.tolist(),
    }
