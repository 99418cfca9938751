"""Why a transaction stands out, in words, from its features and its own names."""

CAUTION_ROWS = 20  # rows of a past below which the answer says how little is known
MAX_REASONS = 4
MIN_VISITS = 5  # payments in a group from which one speaks of its usual amount
# The value from which a feature is mentioned.
THRESHOLDS = {
    "amount_user": 2.0, "amount_category": 1.8, "amount_merchant": 1.8, "merchant_new": 1.0, "category_new": 1.5,
    "city_new": 1.5, "impossible_travel": 1.0, "hour": 2.0, "burst_10m": 4.0, "burst_1h": 5.0, "burst_24h": 6.0, "burst_new_merchants": 4.0,
    "burst_same_merchant": 4.0, "repeat_payment": 4.0, "early_recurrence": 3.0, "outflow_1h": 2.0, "outflow_24h": 3.0, "small_at_new_merchant": 1.0,
}  # fmt: skip
# Of features that mean the same to a reader, the strongest is mentioned.
THEMES = (
    {"amount_user", "amount_category", "amount_merchant"},
    {"repeat_payment", "early_recurrence"},
    {"outflow_1h", "outflow_24h"},
)


def reasons(transaction: dict, features: dict[str, float], flagged: bool) -> list[str]:
    """Sentences on the features that stand out, the strongest first.

    Args:
        transaction: category, merchant, city and timestamp of the row, as it came.
        features: one row of ``nivesh.features.behaviour.FEATURES``.
        flagged: whether it was called an anomaly; then at least one reason is given.
    """
    found = [
        (features[name] / threshold, name) for name, threshold in THRESHOLDS.items() if features[name] >= threshold
    ]
    if flagged and not found:
        found = [max((features[name] / threshold, name) for name, threshold in THRESHOLDS.items())]
    used: list[set[str]] = []
    texts: list[str] = []
    for _, name in sorted(found, reverse=True):
        theme = next((theme for theme in THEMES if name in theme), {name})
        if theme not in used and len(texts) < MAX_REASONS:
            used.append(theme)
            texts.append(_sentence(name, transaction, features))
    if features["history"] < CAUTION_ROWS:
        texts.append(f"judged with caution: only {features['history']:.0f} earlier transactions are known")
    return texts


def _sentence(name: str, transaction: dict, features: dict[str, float]) -> str:
    merchant, category = transaction["merchant"], transaction["category"]
    if name.startswith("amount"):  # the narrowest group with enough of a past to be called usual
        if features["visits_merchant"] >= MIN_VISITS and features["amount_merchant"] >= THRESHOLDS["amount_merchant"]:
            return f"amount {_times(features['ratio_merchant'])} the usual at {merchant}"
        if features["visits_category"] >= MIN_VISITS and features["amount_category"] >= THRESHOLDS["amount_category"]:
            return f"amount {_times(features['ratio_category'])} the usual for {category}"
        return f"amount {_times(features['ratio_user'])} this user's usual payment"
    if name == "merchant_new":
        return f"first time at {merchant}"
    if name == "category_new":
        return f"first time in the category {category}"
    if name == "city_new":
        known = features["visits_city"]
        return f"rarely in {transaction['city']}" if known else f"first time in {transaction['city']}"
    if name == "impossible_travel":
        return f"in {transaction['city']} only {_minutes(features['minutes_since_city'])} after a payment elsewhere"
    if name == "hour":
        return f"at {str(transaction['timestamp'])[11:16]}, an hour rare for this user's {category}"
    if name in ("burst_10m", "burst_1h", "burst_24h"):
        window = {"burst_10m": "10 minutes", "burst_1h": "an hour", "burst_24h": "a day"}[name]
        return f"{features['count_' + name[6:]]:.0f} payments within {window}"
    if name == "burst_new_merchants":
        return f"{features['count_new_merchants']:.0f} payments at new places within an hour"
    if name == "burst_same_merchant":
        return f"{features['count_same_merchant']:.0f} payments at {merchant} within an hour"
    if name == "repeat_payment":
        return f"the same amount at {merchant} {_minutes(features['minutes_since_repeat'])} before"
    if name == "early_recurrence":
        return f"the same amount at {merchant} again, much sooner than usual"
    if name == "small_at_new_merchant":
        return "a tiny amount at a new place, as when a stolen card is tested"
    window = "an hour" if name == "outflow_1h" else "a day"
    return f"payments of {window} add up to {_times(features['ratio_outflow'])} a usual payment"


def _times(factor: float) -> str:
    return f"{factor:.0f}×" if factor >= 10 else f"{factor:.1f}×"


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return f"{minutes:.0f} minute{'s' if round(minutes) != 1 else ''}"
    return f"{minutes / 60:.0f} hours"
