"""What is learned from all users besides the seasonality: recurring yearly bills and income segments."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.spending_history import History, histories, parse
from nivesh.models.interface import Progress
from nivesh.models.spending_predictor import forecast
from nivesh.models.spending_predictor.forecast import PopulationParams
from nivesh.models.spending_predictor.intervals import SIMULATED
from nivesh.models.spending_predictor.prophet_fit import fit_seasonality
from nivesh.models.spending_predictor.seasonality import SharedSeasonality
from nivesh.models.spending_predictor.user_level import huber_mean

SEGMENTS = 3
LONGEST_HISTORY = 120  # months


def fit_population(
    rows: pd.DataFrame,
    last: date,
    priors: dict[str, float],
    threads: int,
    progress: Progress,
    *,
    by_category: bool = True,
) -> tuple[SharedSeasonality, PopulationParams]:
    """Fit seasonality, yearly bills and income segments on transactions up to ``last``.

    Args:
        rows: transactions of all users.
        last: last day that they cover.
        priors: Prophet's prior scales; see ``training.fit``.
        threads: number of parallel fits.
        progress: gets the finished fraction and a text.
        by_category: False leaves out the seasonality of single categories, which totals hardly depend on.
    """
    whole = [parse(stored) for stored in histories(rows, last, months=LONGEST_HISTORY).values()]
    bills, growth = yearly_bills(whole)
    yearly = {name for name, score in bills.items() if score > 0.5}
    seasonality = fit_seasonality(rows, last, yearly, priors, threads, progress, by_category=by_category)
    recent = [parse(stored) for stored in histories(rows, last).values()]
    return seasonality, PopulationParams(bills, growth, income_segments(recent, seasonality, bills), SIMULATED)


def yearly_bills(users: list[History]) -> tuple[dict[str, float], float]:
    """How often each category's payments recur after a year (0 to 1), and by what factor they have grown."""
    counts: dict[str, np.ndarray] = {}
    growth: list[float] = []
    for history in users:
        for name, amounts in zip(history.categories, history.amounts, strict=True):
            if len(amounts) <= 12 or np.mean(amounts > 0) > 0.6:
                continue
            counts[name] = counts.get(name, np.array([1.0, 3.0])) + forecast.count_recurring(amounts)
            before, now = amounts[:-12], amounts[12:]
            both = (before > 0) & (now > 0)
            ratios = now[both] / before[both]
            growth += ratios[np.abs(np.log(ratios)) < forecast.SAME_BILL].tolist()
    scores = {name: float(hits / pairs) for name, (hits, pairs) in counts.items()}
    return scores, float(np.clip(np.median(growth), 1.0, 1.15)) if len(growth) >= 5 else 1.05


def income_segments(
    users: list[History], seasonality: SharedSeasonality, bills: dict[str, float]
) -> list[dict[str, Any]]:
    """Income bands with the median spending of their users; see ``PopulationParams.segments``.

    Raises:
        DataError: no user has a whole month of spending.
    """
    spending = [user for user in users if user.amounts.sum() > 0]
    known = [user for user in spending if len(user.months) >= 3] or spending
    if not known:
        raise DataError("no user has a whole month of spending; give rows of at least one whole calendar month")
    incomes = np.array([user.earning for user in known])
    cuts = np.quantile(incomes[incomes > 0], np.arange(1, SEGMENTS) / SEGMENTS).tolist() if incomes.any() else []
    edges = sorted({0.0, *cuts})
    band = np.maximum(np.searchsorted(edges, incomes, side="right") - 1, 0)
    members = [[user for user, at in zip(known, band, strict=True) if at == wanted] for wanted in range(len(edges))]
    return [
        {"from_income": edge, **_typical_spending(users or known, seasonality, bills)}
        for edge, users in zip(edges, members, strict=True)
    ]


def _typical_spending(users: list[History], seasonality: SharedSeasonality, rates: dict[str, float]) -> dict[str, Any]:
    levels: list[float] = []
    ratios: list[float] = []
    shares: dict[str, float] = {}
    for user in users:
        bills = forecast.bill_rows(user, rates)
        level = float(huber_mean(forecast.regular_spending(user, seasonality, bills)))
        levels.append(level)
        if user.earning > 0:
            ratios.append(level / user.earning)
        amounts = user.amounts[~bills].sum(1) / max(user.amounts[~bills].sum(), 1.0) / len(users)
        for name, share in zip(np.array(user.categories)[~bills].tolist(), amounts.tolist(), strict=True):
            shares[name] = shares.get(name, 0.0) + share
    return {
        "level": float(np.median(levels)),
        "share_of_income": float(np.median(ratios)) if ratios else 0.0,
        "shares": {name: share for name, share in shares.items() if share > 0.01},
    }
