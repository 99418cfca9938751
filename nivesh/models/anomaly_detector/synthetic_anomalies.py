"""Synthetic anomalies, made from users' own rows: to fit the evidence, and to evaluate where there are no labels.

Each starts from a row of the user's own and changes what a fraud or a mistake changes: amount, hour, place, payee or
frequency. The ranges are wide on purpose, and no merchant or category is known by name, so that they fit any file. The
kinds are named as those of ``nivesh.simulate.anomalies``; the generators have nothing in common.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

WARM_UP = 30  # debits of a user before the first synthetic anomaly, or half of them where there are fewer
CONTEXT = 300  # debits before the anomaly that say what is usual
COLUMNS = ["user_id", "timestamp", "amount", "direction", "category", "merchant", "account", "city"]

Rng = np.random.Generator


def inject(frame: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The frame with synthetic anomalies among the real rows, in the order of their events.

    Args:
        frame: checked transactions in the order of their events.
        share: synthetic rows per debit after the warm-up.
        seed: of the random numbers.

    Returns:
        The rows with a column ``synthetic_kind``, "" for real rows.
    """
    rng = np.random.default_rng(seed)
    parts = [frame.assign(synthetic_kind="")]
    known = [name for name in COLUMNS if name in frame]
    for _, rows in frame.groupby("user_id", sort=True):
        debits = rows.loc[rows["direction"] == "debit", known]
        warm_up = min(WARM_UP, len(debits) // 2)
        remaining: float = rng.poisson(share * (len(debits) - warm_up))
        while remaining > 0:
            kind = str(rng.choice(list(KINDS)))
            at = int(rng.integers(warm_up, len(debits)))
            made = KINDS[kind](debits.iloc[max(0, at - CONTEXT) : at + 1], rng)
            parts.append(made.assign(synthetic_kind=kind))
            remaining -= len(made) ** 0.5  # the rows of a burst are alike: they count less than as many single ones
    return pd.concat(parts, ignore_index=True).sort_values("timestamp", kind="stable", ignore_index=True)


def amount_spike(before: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """Many times the usual in this category."""
    same = before.loc[before["category"] == before["category"].iloc[-1], "amount"]
    return _after(before, [rng.uniform(30, 600)], np.array([same.median() * _log_uniform(rng, 5, 30)]))


def odd_hour(before: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """A rather high payment at an hour at which this user hardly ever pays."""
    usual = np.bincount(before["timestamp"].dt.hour, minlength=24) + 0.3 * rng.random(24)
    hour = int(rng.choice(np.argsort(usual)[:5]))
    last = before["timestamp"].iloc[-1]
    minutes = ((hour + rng.random()) * 60 - (last.hour * 60 + last.minute)) % 1440
    changed = {"merchant": _unseen(rng, "payee")} if rng.random() < 0.5 else {}
    amount = before["amount"].quantile(rng.uniform(0.7, 1.0)) * _log_uniform(rng, 1, 4)
    return _after(before, [minutes], np.array([amount]), **changed)


def far_city(before: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """In a city never seen, too soon after the payment before."""
    changed = {"merchant": _unseen(rng, "payee")} if rng.random() < 0.7 else {}
    amount = before["amount"].quantile(rng.uniform(0.4, 1.0)) * _log_uniform(rng, 1, 4)
    return _after(before, [_log_uniform(rng, 2, 180)], np.array([amount]), city=_unseen(rng, "city"), **changed)


def new_payee(before: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """A high payment to a payee never seen, often in a category never seen."""
    changed = {"category": _unseen(rng, "category")} if rng.random() < 0.6 else {}
    amount = np.array([_high_amount(before, rng) * _log_uniform(rng, 1, 6)])
    return _after(before, [rng.uniform(20, 600)], amount, merchant=_unseen(rng, "payee"), **changed)


def duplicate_charge(before: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """The same payment again within minutes."""
    return _after(before, [_log_uniform(rng, 0.3, 20)], before["amount"].to_numpy()[-1:])


def velocity(before: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """Many ordinary payments at one merchant within minutes."""
    n = int(rng.integers(4, 11))
    minutes = np.cumsum(rng.exponential(_log_uniform(rng, 0.3, 4), n))
    changed = {"merchant": _unseen(rng, "payee")} if rng.random() < 0.3 else {}
    return _after(before, minutes, before["amount"].iloc[-1] * np.exp(rng.normal(0, 0.5, n)), **changed)


def card_testing(before: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """Tiny payments to payees never seen, sometimes followed by a large one."""
    n = int(rng.integers(3, 9))
    minutes = np.cumsum(rng.exponential(_log_uniform(rng, 0.3, 4), n))
    amounts = before["amount"].quantile(0.1) * rng.uniform(0.02, 0.6, n)
    if rng.random() < 0.5:
        amounts[-1] = _high_amount(before, rng) * _log_uniform(rng, 1, 5)
    payees = rng.choice([_unseen(rng, "payee") for _ in range(int(rng.integers(1, 4)))], n)
    changed = {"category": _unseen(rng, "category")} if rng.random() < 0.5 else {}
    return _after(before, minutes, amounts, merchant=payees, **changed)


def account_takeover(before: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """Large payments to new payees, one after the other."""
    n = int(rng.integers(3, 7))
    minutes = np.cumsum(rng.exponential(_log_uniform(rng, 2, 15), n))
    payees = rng.choice([_unseen(rng, "payee") for _ in range(int(rng.integers(1, 5)))], n)
    return _after(before, minutes, _high_amount(before, rng) * np.exp(rng.uniform(0, 1.2, n)), merchant=payees)


KINDS: dict[str, Callable[[pd.DataFrame, Rng], pd.DataFrame]] = {
    kind.__name__: kind
    for kind in (
        amount_spike,
        odd_hour,
        far_city,
        new_payee,
        duplicate_charge,
        velocity,
        card_testing,
        account_takeover,
    )
}


def _after(before: pd.DataFrame, minutes: list[float] | np.ndarray, amounts: np.ndarray, **changed) -> pd.DataFrame:
    """Copies of the last row, so many minutes later, with other amounts and names."""
    last = before.iloc[[-1] * len(minutes)].reset_index(drop=True)
    times = last["timestamp"] + pd.to_timedelta(np.round(np.asarray(minutes) * 60), unit="s")
    return last.assign(timestamp=times, amount=np.maximum(np.round(amounts, 2), 1.0), **changed)


def _high_amount(before: pd.DataFrame, rng: Rng) -> float:
    return float(before["amount"].quantile(rng.uniform(0.85, 1.0)))


def _unseen(rng: Rng, name: str) -> str:
    return f"{name} {rng.integers(10**9)}"


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
