"""The seasonality that all users share."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from nivesh.models.spending_predictor import prophet_fit
from nivesh.models.spending_predictor.seasonality import ALL, festival_weeks


def test_festival_weeks_move_with_the_calendar():
    assert np.datetime64("2024-10-31") in festival_weeks(2024)["Diwali"]
    assert np.datetime64("2025-10-01") in festival_weeks(2025)["Diwali, 3 weeks before"]
    assert festival_weeks(2036) == {} and festival_weeks(1999) == {}


@pytest.mark.parametrize("days", [300, 500, 800])
def test_a_curve_gives_the_forecast_of_its_prophet(days):
    dates = pd.date_range("2023-01-01", periods=days)
    noise = np.random.default_rng(days).normal(0, 0.1, days)
    series = pd.DataFrame({"ds": dates, "y": 1 + 0.3 * np.sin(dates.dayofyear / 58) + noise})
    priors = {"changepoint_prior": 0.5, "seasonality_prior": 1.0, "festival_prior": 0.3}
    fitted = prophet_fit.fit_prophet(series, prophet_fit.holiday_table(2023, 2025), priors)
    future = pd.date_range("2022-12-01", "2026-01-31")
    fitted.holidays = prophet_fit.holiday_table(2022, 2026)
    expected = fitted.predict(pd.DataFrame({"ds": future}))["yhat"].clip(0.05, 5.0)
    curve = prophet_fit.to_curve(fitted)
    np.testing.assert_allclose(curve.values(future.to_numpy().astype("datetime64[D]")), expected, rtol=1e-9)


def test_factors_of_months_and_days(model):
    seasonality = model.seasonality
    months = 2025 * 12 + np.array([1, 2, 3])
    dates = np.arange("2025-02-01", "2025-05-01", dtype="datetime64[D]")
    daily = pd.Series(seasonality.curves[ALL].values(dates), index=pd.DatetimeIndex(dates))
    by_month = daily.groupby(daily.index.month).mean()
    np.testing.assert_allclose(seasonality.monthly("no such category", months), by_month)
    assert len(seasonality.monthly(ALL, months[:0])) == 0
    share = seasonality.share(ALL, 2025 * 12 + 2, date(2025, 3, 11), date(2025, 4, 20))
    assert share == pytest.approx(daily["2025-03-11":"2025-03-31"].sum() / daily["2025-03"].sum())
