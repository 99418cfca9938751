"""What is learnt from all users: yearly bills, seasons, segments, each user's own Prophet, and how far forecasts miss."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.features.spending_history import (
    EDGE_DAYS,
    History,
    first_day,
    histories,
    monthly,
    number,
    parse,
    spending,
)
from nivesh.models.spending_predictor import forecast
from nivesh.models.spending_predictor.forecast import Common, Outlook
from nivesh.models.spending_predictor.shapes import LEAST_DAYS, Shapes, fit_shapes

BANDS = 3
# 10 % and 90 % points of the error of sums over 1 to 6 months, in units of their spread: what was measured on four
# files of 60 simulated strangers each. They count like so many users beside the errors of the users at hand, whose
# months are the same, so that one bad month of all would make every interval wide.
LOW = (-1.07, -0.83, -0.71, -0.63, -0.55, -0.5)
HIGH = (2.0, 1.7, 1.4, 1.35, 1.3, 1.3)
PRIOR_USERS = 50
LONGEST_SPAN = len(LOW)

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Known:
    """A user of the training rows: the stored history, and the own Prophet where the history is long enough."""

    stored: dict[str, Any]
    own: object | None


@dataclass
class Model:
    """A fitted spending predictor.

    Attributes:
        shapes, common: what holds for all users, strangers too.
        users: those of the training rows.
        last: last day of the training rows.
        horizon: longest forecast in days.
    """

    shapes: Shapes
    common: Common
    users: dict[str, Known]
    last: date
    horizon: int


def check(rows: pd.DataFrame) -> None:
    """Refuse rows that show no season at all.

    Raises:
        DataError: less than two months or 50 debits.
    """
    debits = spending(rows)
    days = (rows["timestamp"].max() - rows["timestamp"].min()).days + 1 if len(rows) else 0
    if len(debits) < 50 or days < 59:
        raise DataError(
            f"{len(debits)} debits over {days} days are too little to learn spending from; "
            "give at least 50 debits over two months"
        )


def learn(rows: pd.DataFrame, last: date, priors: dict[str, float], threads: int, progress: Progress):
    """(Shapes, Common) of transactions up to ``last``."""
    long = {user: parse(stored) for user, stored in histories(rows, last, months=120).items()}
    bills, growth = yearly_bills(list(long.values()))
    shapes = fit_shapes(rows, last, {name for name, score in bills.items() if score > 0.5}, priors, threads, progress)
    common = Common(bills, growth, [], list(LOW), list(HIGH))
    recent = [parse(stored) for stored in histories(rows, last).values()]
    return shapes, replace(common, segments=segments(recent, shapes, common))


def yearly_bills(known: list[History]) -> tuple[dict[str, float], float]:
    """How often each category's payments come back after a year, and by what factor they have grown."""
    hits: dict[str, np.ndarray] = {}
    growth = []
    for history in known:
        for name, amounts in zip(history.categories, history.amounts, strict=True):
            if len(amounts) <= 12 or np.mean(amounts > 0) > 0.6:
                continue
            hits[name] = hits.get(name, np.array([1.0, 3.0])) + forecast.returning(amounts)
            before, now = amounts[:-12], amounts[12:]
            both = (before > 0) & (now > 0)
            ratio = now[both] / before[both]
            growth += [float(one) for one in ratio if abs(np.log(one)) < forecast.SAME_BILL]
    scores = {name: float(one[0] / one[1]) for name, one in hits.items()}
    return scores, float(np.clip(np.median(growth), 1.0, 1.15)) if len(growth) >= 5 else 1.05


def segments(known: list[History], shapes: Shapes, common: Common) -> list[dict]:
    """Income bands with the usual spending of their people; see ``Common.segments``."""
    known = [one for one in known if len(one.months) >= 3 and one.amounts.sum() > 0] or [
        one for one in known if one.amounts.sum() > 0
    ]
    if not known:
        raise DataError("no user has a whole month of spending; give rows of at least one whole calendar month")
    incomes = np.array([one.earning for one in known])
    cuts = np.quantile(incomes[incomes > 0], np.arange(1, BANDS) / BANDS).tolist() if incomes.any() else []
    edges = sorted({0.0, *cuts})
    bands = [[one for one in known if band(one, edges) == at] or known for at in range(len(edges))]
    return [{"from_income": edge, **_usual(band, shapes, common)} for edge, band in zip(edges, bands, strict=True)]


def band(history: History, edges: list[float]) -> int:
    """Number of the segment of a user's income; ``edges`` are the lower ends of all."""
    return max(int(np.searchsorted(edges, history.earning, side="right")) - 1, 0)


def _usual(people: list[History], shapes: Shapes, common: Common) -> dict:
    levels, ratios, shares = [], [], {}
    for one in people:
        bills = forecast.bill_rows(one, common)
        level = forecast.usual(forecast.ordinary(one, shapes, bills))
        levels.append(level)
        if one.earning > 0:
            ratios.append(level / one.earning)
        amounts = one.amounts[~bills].sum(1) / max(one.amounts[~bills].sum(), 1.0) / len(people)
        for name, share in zip(np.array(one.categories)[~bills].tolist(), amounts, strict=True):
            shares[name] = shares.get(name, 0.0) + float(share)
    level = float(np.median(levels))
    return {
        "level": level,
        "share_of_income": float(np.median(ratios)) if ratios else 0.0,
        "shares": {name: share for name, share in shares.items() if share > 0.01},
    }


def fit_users(
    stored: dict[str, dict],
    shapes: Shapes,
    common: Common,
    threads: int,
    progress: Progress,
    failed: dict[str, str] | None = None,
) -> dict[str, Known]:
    """The own Prophet of each user; see ``forecast.fit_own``.

    Args:
        failed: gets the reason by the id of users whose history cannot be fitted; they stay without a Prophet. Without
            it the first of them ends the work with his error.
    """

    def one(user_id: str) -> Known:
        features = stored[user_id]
        try:
            history = parse(features)
            values = forecast.ordinary(history, shapes, forecast.bill_rows(history, common))
            return Known(features, forecast.fit_own(history, values))
        except (ArithmeticError, LookupError, RuntimeError, ValueError, DataError) as error:
            if failed is None:
                raise
            failed[user_id] = f"{type(error).__name__}: {error}"
            return Known(features, None)

    users = {}
    with ThreadPoolExecutor(threads) as pool:
        for user_id, known in zip(stored, pool.map(one, stored), strict=True):
            users[user_id] = known
            progress(len(users) / len(stored), f"own model of {len(users)} of {len(stored)} users")
    return users


def months_of(rows: pd.DataFrame, first: date, last: date) -> tuple[int, dict[str, pd.DataFrame]]:
    """What was really spent in the whole months of a time.

    Returns:
        (number of the first whole month, by user id a table of rupees, categories × whole months; a user's months
        end with that of the user's last row, since a closed account is no spending of 0).
    """
    begun = number(first) + (first.day > 1 + EDGE_DAYS)
    done = number(last + timedelta(days=EDGE_DAYS)) - 1
    rows = rows[rows["timestamp"] >= pd.Timestamp(first)]
    table = monthly(spending(rows), ["user_id", "category"])
    ends = rows.groupby("user_id")["timestamp"].max()
    result = {}
    for user_id, mine in table.groupby(level="user_id"):
        end = min(done, number(ends[user_id].date() + timedelta(days=EDGE_DAYS)) - 1)
        if end >= begun:
            result[str(user_id)] = mine.droplevel("user_id").reindex(columns=range(begun, end + 1), fill_value=0.0)
    return begun, result


def look_ahead(history: History, model: Model, own: object | None, actual: pd.DataFrame) -> Outlook:
    """The forecast of the months of a table of ``months_of``, from the history alone."""
    after = history.first_month + len(history.months)
    look = forecast.outlook(history, model.shapes, model.common, own, int(actual.columns[-1]) - after + 1)
    skip = int(actual.columns[0]) - after
    parts = {name: amounts[skip:] for name, amounts in look.by_category.items()}
    return Outlook(look.months[skip:], look.total[skip:], parts, look.spread[skip:])


def measure_errors(
    rows: pd.DataFrame, last: date, priors: dict[str, float], threads: int, progress: Progress
) -> tuple[list[float], list[float]]:
    """10 % and 90 % points of the error of sums over 1 to 6 months, in units of their spread.

    Measured like on held-out rows: all is learnt again from what came before, 6 and 12 months ago.
    """
    errors: list[list[float]] = [[] for _ in range(LONGEST_SPAN)]
    people: set[str] = set()
    start = rows["timestamp"].min().date()
    whole = number(last + timedelta(days=EDGE_DAYS))
    for turn, back in enumerate((6, 12)):
        cut, end = first_day(whole - back), first_day(whole - back + 6)
        # Without a whole year before it, a forecast misses the yearly bills and would make all intervals too wide.
        if (cut - start).days < (LEAST_DAYS if back == 6 else 400):
            continue

        def told(fraction: float, text: str, turn=turn, back=back) -> None:
            progress((turn + fraction) / 2, f"trying out a forecast {back} months ago: {text}")

        before, until = rows[rows["timestamp"] < pd.Timestamp(cut)], cut - timedelta(days=1)
        shapes, common = learn(before, until, priors, threads, lambda part, text, told=told: told(part * 0.6, text))
        stored = histories(before, until)
        users = fit_users(stored, shapes, common, threads, lambda part, text, told=told: told(0.6 + part * 0.4, text))
        trial = Model(shapes, common, users, until, 365)
        _, actual = months_of(rows[rows["timestamp"] < pd.Timestamp(end)], cut, min(end - timedelta(days=1), last))
        for found, more in zip(errors, misses(trial, actual), strict=True):
            found += more
        people |= users.keys() & actual.keys()
    weight = len(people) / (len(people) + PRIOR_USERS)
    low, high = list(LOW), list(HIGH)
    for at, one in enumerate(errors):
        if one:
            low[at] = weight * float(min(np.quantile(one, 0.1), 0.0)) + (1 - weight) * LOW[at]
            high[at] = weight * float(max(np.quantile(one, 0.9), 0.0)) + (1 - weight) * HIGH[at]
    return low, high


def misses(trial: Model, actual: dict[str, pd.DataFrame]) -> list[list[float]]:
    """Errors of the forecasts of a model's users in units of their spread, by the number of months summed."""
    errors: list[list[float]] = [[] for _ in range(LONGEST_SPAN)]
    for user_id in trial.users.keys() & actual.keys():
        history = parse(trial.users[user_id].stored)
        if not len(history.months):
            continue
        look = look_ahead(history, trial, trial.users[user_id].own, actual[user_id])
        miss = actual[user_id].to_numpy().sum(0) - look.total
        for span in range(1, min(len(miss), LONGEST_SPAN) + 1):
            sums = np.convolve(miss, np.ones(span), "valid") / np.convolve(look.spread, np.ones(span), "valid")
            errors[span - 1] += sums.tolist()
    return errors
