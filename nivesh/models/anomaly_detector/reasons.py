"""Why a transaction stands out, in words, from its features and its own names."""

FEWEST = 20  # rows of a past from which a judgement is firm
MOST = 4
USUAL = 5  # payments in a group from which its amount is called usual
# The surprise from which a feature is worth a word.
CUTS = {
    "amount_user": 2.0, "amount_category": 1.8, "amount_merchant": 1.8, "merchant_new": 1.0, "category_new": 1.5,
    "city_new": 1.5, "haste": 1.0, "hour": 2.0, "burst_10m": 4.0, "burst_1h": 5.0, "burst_24h": 6.0, "burst_new": 4.0,
    "burst_same": 4.0, "repeat": 4.0, "too_soon": 3.0, "drain_1h": 2.0, "drain_24h": 3.0, "small": 1.0,
}  # fmt: skip
# Of the features that tell the same thing, the strongest is worded.
THEMES = ({"amount_user", "amount_category", "amount_merchant"}, {"repeat", "too_soon"}, {"drain_1h", "drain_24h"})


def reasons(transaction: dict, features: dict[str, float], flagged: bool) -> list[str]:
    """Sentences on the features that stand out, the strongest first.

    Args:
        transaction: category, merchant, city and timestamp of the row, as it came.
        features: one row of ``nivesh.features.behaviour.FEATURES``.
        flagged: whether it was called an anomaly; then at least one reason is given.
    """
    found = [(features[name] / cut, name) for name, cut in CUTS.items() if features[name] >= cut]
    if flagged and not found:
        found = [max((features[name] / cut, name) for name, cut in CUTS.items())]
    told, texts = [], []
    for _, name in sorted(found, reverse=True):
        theme = next((theme for theme in THEMES if name in theme), {name})
        if not any(theme is one for one in told) and len(texts) < MOST:
            told.append(theme)
            texts.append(_word(name, transaction, features))
    if features["history"] < FEWEST:
        texts.append(f"judged with caution: only {features['history']:.0f} earlier transactions are known")
    return texts


def _word(name: str, transaction: dict, facts: dict[str, float]) -> str:
    merchant, category = transaction["merchant"], transaction["category"]
    if name.startswith("amount"):  # the narrowest group with enough of a past to be called usual
        if facts["visits_merchant"] >= USUAL and facts["amount_merchant"] >= CUTS["amount_merchant"]:
            return f"amount {_times(facts['times_merchant'])} the usual at {merchant}"
        if facts["visits_category"] >= USUAL and facts["amount_category"] >= CUTS["amount_category"]:
            return f"amount {_times(facts['times_category'])} the usual for {category}"
        return f"amount {_times(facts['times_user'])} this user's usual payment"
    if name == "merchant_new":
        return f"first time at {merchant}"
    if name == "category_new":
        return f"first time in the category {category}"
    if name == "city_new":
        known = facts["visits_city"]
        return f"rarely in {transaction['city']}" if known else f"first time in {transaction['city']}"
    if name == "haste":
        return f"in {transaction['city']} only {_minutes(facts['minutes_city'])} after a payment elsewhere"
    if name == "hour":
        return f"at {str(transaction['timestamp'])[11:16]}, an hour rare for this user's {category}"
    if name in ("burst_10m", "burst_1h", "burst_24h"):
        window = {"burst_10m": "10 minutes", "burst_1h": "an hour", "burst_24h": "a day"}[name]
        return f"{facts['count_' + name[6:]]:.0f} payments within {window}"
    if name == "burst_new":
        return f"{facts['count_new']:.0f} payments at new places within an hour"
    if name == "burst_same":
        return f"{facts['count_same']:.0f} payments at {merchant} within an hour"
    if name == "repeat":
        return f"the same amount at {merchant} {_minutes(facts['minutes_repeat'])} before"
    if name == "too_soon":
        return f"the same amount at {merchant} again, much sooner than usual"
    if name == "small":
        return "a tiny amount at a new place, as when a stolen card is tried"
    window = "an hour" if name == "drain_1h" else "a day"
    return f"payments of {window} add up to {_times(facts['times_drain'])} a usual payment"


def _times(factor: float) -> str:
    return f"{factor:.0f}×" if factor >= 10 else f"{factor:.1f}×"


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return f"{minutes:.0f} minute{'s' if round(minutes) != 1 else ''}"
    return f"{minutes / 60:.0f} hours"
