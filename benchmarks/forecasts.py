"""The spending predictor beside classical forecasts of each user's monthly total, on held-out months.

pip install -e .[benchmarks]
python -m benchmarks.forecasts                    the shipped sample
python -m benchmarks.forecasts --seeds 101 102    simulated users of these seeds, with a model trained on the sample
"""

import argparse
import logging

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.metrics import mean_absolute_error
from statsforecast import StatsForecast
from statsforecast.models import AutoETS, AutoTheta, HistoricAverage, SimpleExponentialSmoothingOptimized

from nivesh import data, models
from nivesh.models.spending_predictor.backtest import Holdout
from nivesh.models.spending_predictor.evaluation import compare_users, holdouts
from nivesh.simulate.transactions import transactions

SEASON = 12
LENGTHS = ((1, 6), (6, 12), (12, 25))  # months of history


def classical(held_out: Holdout, ahead: int) -> pd.DataFrame:
    """Forecasts of monthly totals: a row per user and month ahead, a column per method, in rupees."""
    rows = [
        pd.DataFrame({"unique_id": user, "ds": np.arange(len(history.months)), "y": history.amounts.sum(0)})
        for user, history in held_out.histories.items()
    ]
    methods = [AutoETS(season_length=SEASON), AutoTheta(season_length=SEASON), SimpleExponentialSmoothingOptimized()]
    forecaster = StatsForecast(models=methods, freq=1, fallback_model=HistoricAverage())
    made = forecaster.forecast(df=pd.concat(rows, ignore_index=True), h=ahead)
    made["horizon"] = made.groupby("unique_id").cumcount() + 1
    return made.drop(columns="ds").rename(columns={"unique_id": "user_id", "SESOpt": "SES"})


def errors(held_out: Holdout, compared: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute error in rupees a month: rows by months of history, columns by method."""
    total = compared[compared["category"] == ""]
    made = classical(held_out, int(total["horizon"].max()))
    methods = {"forecast": "ours", "seasonal_naive": "seasonal-naive", "past_mean": "mean of the last year"}
    both = total.merge(made, on=["user_id", "horizon"]).rename(columns=methods)
    columns = [*methods.values(), *made.columns.difference(["user_id", "horizon"])]
    months = both["user_id"].map({user: len(history.months) for user, history in held_out.histories.items()})
    result = {}
    for low, high in (*LENGTHS, (1, 1000)):
        rows = both[(months >= low) & (months < high)]
        if len(rows):
            label = "all" if high == 1000 else f"{low} to {high - 1} months"
            found = {name: mean_absolute_error(rows["actual"], rows[name]) for name in columns}
            result[label] = {"users": rows["user_id"].nunique()} | found
    return pd.DataFrame(result).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seeds", nargs="*", type=int, default=[], help="also simulate 60 users of each of these seeds"
    )
    options = parser.parse_args()
    logging.getLogger("statsforecast").setLevel(logging.ERROR)
    model = models.get("spending_predictor")
    parts = model.split(data.read("transactions"), 0)
    fitted = model.fit(parts.train, progress=lambda fraction, text: None)
    tests = {"sample": parts}
    for seed in options.seeds:
        tests[f"seed {seed}"] = model.split(transactions(users=60, months=30, seed=seed), 0)
    for name, split in tests.items():
        held_out = holdouts(fitted, split.test, split.train)[0]
        found = errors(held_out, compare_users(fitted, held_out))
        table = Table("history", *found.columns, title=f"{name}: mean absolute error, rupees a month")
        for label, row in found.iterrows():
            table.add_row(str(label), *(f"{value:,.0f}" for value in row))
        Console(width=140).print(table)


if __name__ == "__main__":
    main()
