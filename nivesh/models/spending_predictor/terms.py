"""What the users asked for and how a request and its answer look."""

from pydantic import BaseModel, ConfigDict, Field

from nivesh.spec import MetricThreshold, Spec

SPEC = Spec(
    key="spending_predictor",
    purpose="Forecast what a user will spend over the next days to a year, in total and by category, with 80 % intervals.",
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
        "Amounts are the middle of what is likely, not the mean: large rare purchases are in the interval, not the sum.",
        "All debits count as spending, also loan instalments, investments and transfers to people, under their category.",
        "Payments of card bills and moves between own accounts do not count.",
        "A user with less than six months of history is forecast mostly from people of the same income segment.",
        "Festival dates are known until 2035; yearly bills need 12 months of history to be foreseen.",
    ),
)


class Request(BaseModel):
    """Whose spending, and for how long ahead."""

    model_config = ConfigDict(extra="forbid")

    user_id: str = Field(min_length=1, max_length=128, description="the user's id, as in the transactions")
    horizon_days: int = Field(30, ge=1, le=365, description="days ahead of the user's last known day")


class Amount(BaseModel):
    """A forecast with its 80 % interval."""

    amount: float = Field(description="rupees, the middle of what is likely")
    lower: float = Field(description="rupees; spending is below it once in ten times")
    upper: float = Field(description="rupees; spending is above it once in ten times")


class Month(Amount):
    """The days of a calendar month that lie within the horizon."""

    month: str = Field(description="such as 2025-10")


class Festival(BaseModel):
    """A festival that the forecast takes into account."""

    date: str = Field(description="ISO date")
    name: str = Field(description="such as Diwali")


class Answer(BaseModel):
    """The forecast of one user."""

    user_id: str = Field(description="the user's id")
    horizon_days: int = Field(description="days ahead")
    from_date: str = Field(description="first day of the forecast, ISO date")
    to_date: str = Field(description="last day of the forecast, ISO date")
    currency: str = Field("INR", description="always INR")
    method: str = Field(description='"user": from the user\'s own model; "segment": from people of a similar income')
    total: Amount = Field(description="all spending of the horizon")
    by_category: dict[str, float] = Field(
        description='rupees by category; they sum to the total. "occasional" is what is bought in few months only'
    )
    monthly: list[Month] = Field(description="the horizon by calendar month")
    festivals: list[Festival] = Field(description="festivals within the horizon")
