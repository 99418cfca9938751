"""The feature views of the online store: which features are stored together, and their types.

A model's requests are completed with one group of features (``SPEC.user_features``), which is stored as one or more
Feast feature views. Feast takes seconds and hundreds of megabytes to import, so a server does not import it: it reads
Feast's storage by the names that are defined here.
"""

from dataclasses import dataclass
from datetime import timedelta

from nivesh.features.profile import Profile

FLOAT, INTEGER, STRING, JSON = "float", "integer", "string", "JSON"
FEATURE_TTL = timedelta(
    days=90
)  # features expire this long after a user's last write; point-in-time joins look as far back
CATCH_ALL = "other"


@dataclass(frozen=True)
class View:
    """Features that are computed together and stored as one Feast feature view.

    Attributes:
        name: of the feature view.
        group: what a model's ``SPEC.user_features`` names.
        description: for Feast's registry.
        features: type of each feature: ``FLOAT``, ``INTEGER``, ``STRING`` or ``JSON``.
    """

    name: str
    group: str
    description: str
    features: dict[str, str]


TYPES: dict[object, str] = {int: INTEGER, str: STRING, float: FLOAT}  # all else is JSON
PROFILE = {name: TYPES.get(field.type, JSON) for name, field in Profile.__dataclass_fields__.items()}
VIEWS: tuple[View, ...] = (
    View(
        "income",
        "finances",
        "Monthly income and how steady it is",
        dict.fromkeys(("monthly_income", "income_stability"), FLOAT),
    ),
    View(
        "spending",
        "finances",
        "Monthly spending, how much it varies, and what is saved",
        dict.fromkeys(
            ("average_monthly_spending", "spending_volatility", "savings_rate", "emergency_fund_months"), FLOAT
        ),
    ),
    View(
        "debts",
        "finances",
        "Loans, card use and punctuality of payments",
        dict.fromkeys(
            (
                "existing_emis",
                "existing_loan_count",
                "debt_to_income",
                "on_time_payment_pct",
                "credit_utilization",
            ),
            FLOAT,
        ),
    ),
    View(
        "behaviour",
        "behaviour",
        "A user's usual amounts, hours, places and payment frequency",
        {name: kind for name, kind in PROFILE.items() if name != "merchants"},
    ),
    View("merchants", "behaviour", "A user's payments by merchant", {"merchants": JSON}),
    View(
        "history",
        "history",
        "A user's monthly totals by category",
        {"last_date": STRING, "first_month": STRING, "by_category": JSON, "income": JSON},
    ),
)


def views_of(group: str) -> tuple[View, ...]:
    """The feature views of a group.

    The last one, ``<group>_other``, stores as JSON every feature that no other view defines, so that a new model's
    features need no definition here and ``save_features`` takes any.
    """
    defined = tuple(view for view in VIEWS if view.group == group)
    return (
        *defined,
        View(f"{group}_{CATCH_ALL}", group, f"{group}: features without a definition", {CATCH_ALL: JSON}),
    )


def feature_names(group: str) -> tuple[str, ...]:
    """The names of the features that are defined for a group."""
    return tuple(name for view in VIEWS if view.group == group for name in view.features)
