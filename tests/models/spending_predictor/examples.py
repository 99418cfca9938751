"""Rows, requests and checks that several tests share."""

import numpy as np
import pandas as pd

from nivesh import models

predictor = models.get("spending_predictor")


def paid(user_id, day, amount, category="groceries", direction="debit") -> dict:
    return {
        "user_id": user_id,
        "timestamp": pd.Timestamp(day),
        "amount": float(amount),
        "direction": direction,
        "category": category,
    }


def ask(features: dict, days: int = 30, user_id: str = "user_101") -> dict:
    return {"user_id": user_id, "horizon_days": days, "features": features}


def ordered(amount: dict) -> bool:
    bounds = [amount[name] for name in ("lower_95", "lower", "amount", "upper", "upper_95")]
    return bool(np.isfinite(bounds).all()) and bounds[0] >= 0 and bounds == sorted(bounds)
