"""The groups of online features, and how each is computed from transactions: once, for every model that reads it."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from nivesh.features import behaviour, finances, spending_history

Compute = Callable[[pd.DataFrame], dict[str, dict[str, Any]]]  # checked transactions -> features by user id

COMPUTE: dict[str, Compute] = {
    "behaviour": behaviour.user_profiles,
    "finances": finances.online_features,
    "history": spending_history.histories,
}
