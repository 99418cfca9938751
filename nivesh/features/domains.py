"""Names and kinds of the online features by domain: what Feast's definitions and the reader of its store are made from.

A model's requests are completed with one group of features (``SPEC.user_features``), which is made of domains. Each
domain is one Feast feature view. Feast takes seconds and hundreds of megabytes to import, so a server does not import
it: it reads Feast's storage by the names that stand here.
"""

from dataclasses import dataclass
from datetime import timedelta

NUMBER, WHOLE, TEXT, JSON = "number", "whole number", "text", "JSON"
KEEP = timedelta(days=90)  # after a user's last write the store forgets them; older snapshots are joined to no frame
OTHER = "other"


@dataclass(frozen=True)
class Domain:
    """Features that are made together and kept as one Feast feature view of this name."""

    name: str
    group: str
    about: str
    features: dict[str, str]


DOMAINS = (
    Domain(
        "income",
        "finances",
        "What comes in each month, and how steadily",
        {"monthly_income": NUMBER, "income_stability": NUMBER},
    ),
    Domain(
        "spending",
        "finances",
        "What goes out each month, how evenly, and what is left over",
        {
            "average_monthly_spending": NUMBER,
            "spending_volatility": NUMBER,
            "savings_rate": NUMBER,
            "emergency_fund_months": NUMBER,
        },
    ),
    Domain(
        "debts",
        "finances",
        "Loans, cards, and whether obligations are met in time",
        {
            "existing_emis": NUMBER,
            "existing_loan_count": NUMBER,
            "debt_to_income": NUMBER,
            "on_time_payment_pct": NUMBER,
            "credit_utilization": NUMBER,
        },
    ),
    Domain(
        "behaviour",
        "behaviour",
        "A user's usual amounts, hours, places and rhythms",
        {
            **dict.fromkeys(("rows", "last"), WHOLE),
            "last_city": TEXT,
            **dict.fromkeys(("new", "amounts", "categories", "accounts", "cities", "levels", "hours"), JSON),
            **dict.fromkeys(("weekdays", "recent", "places", "counts", "repeats", "gaps", "sums"), JSON),
        },
    ),
    Domain("merchants", "behaviour", "A user's dealings with each merchant", {"merchants": JSON}),
    Domain(
        "history",
        "history",
        "A user's monthly totals by category",
        {"last_date": TEXT, "first_month": TEXT, "by_category": JSON, "income": JSON},
    ),
)


def of_group(group: str) -> tuple[Domain, ...]:
    """The domains of a group. The last one, ``<group>_other``, takes as JSON what no other names, so that a new model's
    features need no definition and the guide's ``save_features`` takes any."""
    known = tuple(domain for domain in DOMAINS if domain.group == group)
    return (*known, Domain(f"{group}_{OTHER}", group, f"{group} without a definition of their own", {OTHER: JSON}))
