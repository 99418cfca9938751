"""Spec, request and answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nivesh.spec import MetricThreshold, Spec
from nivesh.text.normalization import CategoryName, NormalizedText

# Probabilities of default from which an application is reviewed, and declined; set by us for the samples' 14 % default
# rate, to be replaced by a lender's own cut-offs.
MEDIUM, HIGH = 0.10, 0.25

SPEC = Spec(
    key="credit_risk",
    purpose="How likely a person is to default on the loan they apply for, why, and which loan their income could carry.",
    dataset="loans",
    path="/predict/credit-risk",
    example={"user_id": "user_123", "loan_amount": 500000, "loan_tenure_months": 60},
    primary="auc",
    higher_is_better=True,
    targets=(MetricThreshold("auc", ">", 0.85),),
    floor=(
        MetricThreshold("auc", ">", other_metric="baseline_auc"),
        MetricThreshold("ece", "<", 0.05),
        MetricThreshold(
            "fairness.gender.equalized_odds_difference", "<=", other_metric="fairness.gender.equalized_odds_allowed"
        ),
        MetricThreshold(
            "fairness.gender.demographic_parity_ratio", ">=", other_metric="fairness.gender.parity_ratio_required"
        ),
        # Region and age band too, as far as their groups are large enough to be judged.
        MetricThreshold("fairness.limits_broken", "<=", 0),
    ),
    user_features="finances",
    max_feature_age=35 * 86_400,
    builds_features=True,
    features_from_transactions=True,
    runtime="tabular",
    caveats=(
        "Learned from simulated applications; check the calibration on a lender's own outcomes before relying on it.",
        "Gender, region and age are never inputs: they are used to measure fairness only.",
        "The EMI is computed at 12 % a year, whatever the lender will charge.",
        "From transactions, emergency fund and card limit are estimates; employment is unknown unless the request says.",
        "Supports a person who decides; no application should be declined by the score alone.",
        "Fairness is tested for groups of 50 or more rows with 10 or more of each outcome; smaller ones are reported.",
    ),
)


class Request(BaseModel):
    """A loan application of a known user, whose finances come from the feature store."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    user_id: NormalizedText = Field(min_length=1, max_length=64, description="whose stored features are used")
    loan_amount: float = Field(ge=1, le=1e10, allow_inf_nan=False, description="rupees applied for")
    loan_tenure_months: int = Field(ge=1, le=480, description="months over which it is repaid")
    age: int | None = Field(None, ge=18, le=100, description="years; never used for the score, kept to watch fairness")
    employment_type: CategoryName | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="how the income is earned: salaried, self_employed, gig, unemployed, retired, student, or a word of "
        "the training data; another one is taken as not known",
    )
    region: NormalizedText | None = Field(
        None, min_length=1, max_length=64, description="never used for the score, kept to watch fairness"
    )


class Reason(BaseModel):
    """The effect of one feature on this score."""

    feature: str = Field(description="name of the feature")
    value: float | str = Field(description="its value for this application")
    effect: Literal["raises", "lowers"] = Field(description="its effect on the risk, relative to the average applicant")
    contribution: float = Field(description="SHAP value: its part of the log-odds of default")
    text: str = Field(description="the same in words")


class Answer(BaseModel):
    """The risk of one application."""

    user_id: str
    risk_score: float = Field(ge=0, le=100, description="the probability of default in per cent; higher is riskier")
    probability_of_default: float = Field(ge=0, le=1, description="calibrated")
    risk_category: Literal["low", "medium", "high"] = Field(
        description=f"medium from a probability of {MEDIUM:.2f}, high from {HIGH:.2f}"
    )
    decision: Literal["approve", "review", "decline"] = Field(
        description="a suggestion to the person who decides; review also where all EMIs exceed 50 % of the income"
    )
    emi: float = Field(description="rupees a month at 12 % a year")
    emi_to_income: float | None = Field(description="the EMI over the monthly income; None without income")
    obligations_to_income: float | None = Field(description="all EMIs, this one included, over the monthly income")
    affordable_loan_amount: float = Field(description="rupees over the same tenure that keep all EMIs within 50 %")
    reasons: list[Reason] = Field(description="the features that moved the score most, the strongest first")
    recommendation: str
    assumed: list[str] = Field(description="features that were missing and imputed with the typical applicant's")


Label = bool  # of POST /feedback: whether the loan was defaulted on
LABEL_EXAMPLE = False
