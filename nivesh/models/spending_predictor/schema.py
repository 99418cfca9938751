"""What is fixed about the spending predictor: its targets, its request and its answer."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nivesh.spec import MetricThreshold, Spec
from nivesh.text.normalization import NormalizedText

SPEC = Spec(
    key="spending_predictor",
    purpose="Forecast a user's spending over the next day to year, in total and by category, with 80 % and 95 % intervals.",
    dataset="transactions",
    path="/predict/spending",
    example={"user_id": "user_123", "horizon_days": 30},
    primary="mae",
    higher_is_better=False,
    targets=(
        MetricThreshold("mae", "<", other_metric="naive_mae"),
        MetricThreshold("category_mae", "<", other_metric="naive_category_mae"),
        MetricThreshold("coverage", ">=", 0.7),
        MetricThreshold("coverage", "<=", 0.9),
    ),
    floor=(MetricThreshold("mae", "<", other_metric="baseline_mae"),),
    user_features="history",
    max_feature_age=35 * 86_400,
    runtime="forecast",
    caveats=(
        "Amounts are medians, not means: large rare purchases are covered by the interval, not by the amount.",
        "All debits count as spending, including loan instalments, investments and transfers to people, by category.",
        "Credit card bill payments and transfers between own accounts are excluded.",
        "A user with less than six months of history is forecast mostly from users of the same income segment.",
        "Festival dates are known until 2035; yearly bills need 12 months of history to be forecast.",
    ),
)


class Request(BaseModel):
    """The user and the length of the forecast."""

    model_config = ConfigDict(extra="forbid")

    user_id: NormalizedText = Field(min_length=1, max_length=128, description="user id, as in the transactions")
    horizon_days: int = Field(30, ge=1, le=365, description="days to forecast after the user's last known day")


class Amount(BaseModel):
    """A forecast with its 80 % and 95 % prediction intervals."""

    amount: float = Field(description="median forecast, rupees")
    lower_95: float = Field(description="2.5th percentile, rupees")
    lower: float = Field(description="10th percentile, rupees")
    upper: float = Field(description="90th percentile, rupees")
    upper_95: float = Field(description="97.5th percentile, rupees")


class Month(Amount):
    """The days of a calendar month that lie within the horizon."""

    month: str = Field(description="calendar month, such as 2025-10")


class Festival(BaseModel):
    """A festival that the forecast takes into account."""

    date: str = Field(description="ISO date")
    name: str = Field(description="such as Diwali")


class Answer(BaseModel):
    """The forecast for one user."""

    user_id: str = Field(description="user id of the request")
    horizon_days: int = Field(description="number of days forecast")
    from_date: str = Field(description="first day of the forecast, ISO date")
    to_date: str = Field(description="last day of the forecast, ISO date")
    currency: str = Field("INR", description="always INR")
    method: str = Field(
        description='"user": from the user\'s own history; "segment": mostly from users of similar income'
    )
    total: Amount = Field(description="all spending within the horizon")
    by_category: dict[str, float] = Field(
        description='rupees by category, which sum to the total; "occasional" groups categories bought in few months'
    )
    monthly: list[Month] = Field(description="the forecast by calendar month")
    festivals: list[Festival] = Field(description="festivals within the horizon")


# Of POST /feedback: rupees that were really spent within the horizon.
Label = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
LABEL_EXAMPLE = 41250.5
