"""Made-up departures from users' own habits, for weighing the forests where labels are few or absent.

Every departure starts from a row of the user's own and changes what a fraud or a mistake changes: amount, hour, place,
payee or pace. They are wide on purpose and know no merchant or category, so that they fit any file.
"""

import numpy as np
import pandas as pd

WARM_UP = 30  # rows of a user before the first departure
MINUTE, DAY = np.timedelta64(60, "s"), np.timedelta64(86_400, "s")


def with_departures(frame: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The frame with made-up rows among the real ones, in the order of time.

    Args:
        frame: checked transactions.
        share: made-up rows per real row.
        seed: start of the random numbers.

    Returns:
        The rows with a column ``made`` (name of the departure, "" for real rows).
    """
    rng = np.random.default_rng(seed)
    columns = ["user_id", "timestamp", "amount", "direction", "category", "merchant", "account", "city"]
    parts = [frame.assign(made="")]
    for _, rows in frame.groupby("user_id", sort=True):
        debits = rows.loc[rows["direction"] == "debit", columns]
        wanted = rng.poisson(share * max(len(debits) - WARM_UP, 0))
        while wanted > 0:
            name = str(rng.choice(list(KINDS)))
            at = int(rng.integers(WARM_UP, len(debits)))
            before = debits.iloc[max(0, at - 300) : at + 1]
            made = KINDS[name](before, rng)
            parts.append(made.assign(made=name))
            wanted -= len(made) ** 0.5  # the rows of a burst are alike: they count less than as many single ones
    every = pd.concat(parts, ignore_index=True)
    return every.sort_values("timestamp", kind="stable", ignore_index=True)


def _rows(before: pd.DataFrame, minutes: np.ndarray, amounts: np.ndarray, **changed) -> pd.DataFrame:
    """The last row again, some minutes later, at other amounts and with other names."""
    last = before.iloc[[-1] * len(minutes)].reset_index(drop=True)
    times = last["timestamp"] + pd.to_timedelta(np.round(np.asarray(minutes) * 60), unit="s")
    return last.assign(timestamp=times, amount=np.maximum(np.round(amounts, 2), 1.0), **changed)


def _high(before: pd.DataFrame, rng) -> float:
    return float(before["amount"].quantile(rng.uniform(0.85, 1.0)))


def _new(rng, name: str) -> str:
    return f"{name} {rng.integers(10**9)}"


def _up(rng, low: float, high: float) -> float:
    """A factor, even on the scale of logarithms."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def louder(before, rng) -> pd.DataFrame:
    """Many times the usual in this category."""
    same = before.loc[before["category"] == before["category"].iloc[-1], "amount"]
    return _rows(before, [rng.uniform(30, 600)], np.array([same.median() * _up(rng, 5, 30)]))


def at_night(before, rng) -> pd.DataFrame:
    """A rather high payment at an hour at which this user hardly ever pays."""
    usual = np.bincount(before["timestamp"].dt.hour, minlength=24) + 0.3 * rng.random(24)
    hour = int(rng.choice(np.argsort(usual)[:5]))
    last = before["timestamp"].iloc[-1]
    later = ((hour + rng.random()) * 60 - (last.hour * 60 + last.minute)) % 1440
    changed = {"merchant": _new(rng, "payee")} if rng.random() < 0.5 else {}
    amount = before["amount"].quantile(rng.uniform(0.7, 1.0)) * _up(rng, 1, 4)
    return _rows(before, [later], np.array([amount]), **changed)


def elsewhere(before, rng) -> pd.DataFrame:
    """In a city never seen, too soon after the payment before."""
    changed = {"merchant": _new(rng, "payee")} if rng.random() < 0.7 else {}
    amount = before["amount"].quantile(rng.uniform(0.4, 1.0)) * _up(rng, 1, 4)
    return _rows(before, [_up(rng, 2, 180)], np.array([amount]), city=_new(rng, "city"), **changed)


def stranger(before, rng) -> pd.DataFrame:
    """A high payment to a payee never seen, often in a category never seen."""
    changed = {"category": _new(rng, "category")} if rng.random() < 0.6 else {}
    amount = np.array([_high(before, rng) * _up(rng, 1, 6)])
    return _rows(before, [rng.uniform(20, 600)], amount, merchant=_new(rng, "payee"), **changed)


def again(before, rng) -> pd.DataFrame:
    """The same payment once more within minutes."""
    return _rows(before, [_up(rng, 0.3, 20)], before["amount"].to_numpy()[-1:])


def rapid(before, rng) -> pd.DataFrame:
    """Many ordinary payments at one place within minutes."""
    n = int(rng.integers(4, 11))
    minutes = np.cumsum(rng.exponential(_up(rng, 0.3, 4), n))
    changed = {"merchant": _new(rng, "payee")} if rng.random() < 0.3 else {}
    return _rows(before, minutes, before["amount"].iloc[-1] * np.exp(rng.normal(0, 0.5, n)), **changed)


def probing(before, rng) -> pd.DataFrame:
    """Tiny payments to payees never seen, and at times a large one after them."""
    n = int(rng.integers(3, 9))
    minutes = np.cumsum(rng.exponential(_up(rng, 0.3, 4), n))
    amounts = before["amount"].quantile(0.1) * rng.uniform(0.02, 0.6, n)
    if rng.random() < 0.5:
        amounts[-1] = _high(before, rng) * _up(rng, 1, 5)
    payees = rng.choice([_new(rng, "payee") for _ in range(int(rng.integers(1, 4)))], n)
    changed = {"category": _new(rng, "category")} if rng.random() < 0.5 else {}
    return _rows(before, minutes, amounts, merchant=payees, **changed)


def drained(before, rng) -> pd.DataFrame:
    """Large payments to new payees, one after the other."""
    n = int(rng.integers(3, 7))
    minutes = np.cumsum(rng.exponential(_up(rng, 2, 15), n))
    payees = rng.choice([_new(rng, "payee") for _ in range(int(rng.integers(1, 5)))], n)
    return _rows(before, minutes, _high(before, rng) * np.exp(rng.uniform(0, 1.2, n)), merchant=payees)


KINDS = {
    "louder": louder, "at_night": at_night, "elsewhere": elsewhere, "stranger": stranger, "again": again,
    "rapid": rapid, "probing": probing, "drained": drained,
}  # fmt: skip
