"""What the alerts hold models to: how many requests may fail or be slow, and how old features and reports may be."""

from dataclasses import dataclass

from nivesh.monitoring.drift import WINDOWS_PER_YEAR

DAY, HOUR = 86_400, 3_600  # seconds
ERROR_BUDGET = 0.001  # fraction of instances that may fail
SLOW_BUDGET = 0.01  # fraction of answers that may be slower than the objective
# Objectives for latency, each the end of a bucket of the histogram, so that the fraction is counted and not estimated.
LOCAL_SECONDS = 0.5
REMOTE_SECONDS = 10.0  # of models that ask Vertex AI
MIN_EVENTS = (
    10  # failed instances, or slow answers, in the longer window: with fewer, one client's bad minute is an alarm
)
MIN_LABELLED_ROWS = 100
MISSING_SHARE = 0.2  # of a column's values, where its share of missing values or its distribution has changed as well
FEATURE_AGE_SHARE = 0.8  # of the age at which a model refuses features: time to act before it does
MATERIALIZATION_SECONDS = 2 * DAY  # twice a daily run
MONITORING_SECONDS = round(365 / WINDOWS_PER_YEAR) * DAY + DAY  # one run later than planned
ADVICE_BUDGET_SHARE = 0.8  # of the day's budget


@dataclass(frozen=True)
class BurnRate:
    """How fast a month's budget of errors is spent, measured over two windows: the longer one is sure, the shorter one resets.

    The pairs are those of Google's SRE Workbook, chapter 5: 2 % of 30 days' budget within an hour, 5 % within 6 hours, 10 %
    within a day.
    """

    factor: float
    long: str
    short: str
    severity: str


BURN_RATES = (
    BurnRate(14.4, "1h", "5m", "page"),
    BurnRate(6, "6h", "30m", "page"),
    BurnRate(3, "1d", "2h", "ticket"),
)
