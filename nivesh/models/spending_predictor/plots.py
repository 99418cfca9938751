"""Plots of the evaluation: forecasts and actuals, seasonality components, coverage, errors by category."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure  # without pyplot: no global state, safe in threads

from nivesh.models.spending_predictor.backtest import Holdout
from nivesh.models.spending_predictor.evaluation import compare_users, holdouts
from nivesh.models.spending_predictor.forecast import OCCASIONAL
from nivesh.models.spending_predictor.inference import SpendingModel
from nivesh.models.spending_predictor.seasonality import ALL

MAX_USERS = 6
MAX_CATEGORIES = 16


def plot(model: SpendingModel, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Write the plots as PNG files into a folder and return their paths; other arguments as of ``evaluate``."""
    held_out = holdouts(model, test, history)[0]
    compared = compare_users(model, held_out)
    figures = {
        "forecasts": forecasts(held_out, compared),
        "components": components(model),
        "coverage": coverage(compared),
        "categories": categories(compared),
    }
    paths = []
    for name, figure in figures.items():
        paths.append(Path(folder) / f"spending_{name}.png")
        figure.savefig(paths[-1], dpi=110)
    return paths


def forecasts(held_out: Holdout, compared: pd.DataFrame) -> Figure:
    """Monthly totals of a few users, from the most to the least accurate forecast, with both intervals."""
    total = compared[compared["category"] == ""]
    relative = (total["forecast"] - total["actual"]).abs().groupby(total["user_id"]).sum()
    order = (relative / total.groupby("user_id")["actual"].sum().clip(lower=1)).sort_values().index
    picked = order[np.unique(np.linspace(0, len(order) - 1, min(MAX_USERS, len(order))).astype(int))]
    figure = Figure(figsize=(13, 6.5), layout="constrained")
    axes = figure.subplots(2, 3)
    for axis in axes.flat[len(picked) :]:
        axis.axis("off")
    for axis, user in zip(axes.flat, picked, strict=False):
        rows = total[total["user_id"] == user]
        past = held_out.histories[user]
        axis.plot(past.months - past.months[-1], past.amounts.sum(0) / 1e3, color="0.5", label="history")
        for lower, upper, label in (("lower_95", "upper_95", "95 % interval"), ("lower", "upper", "80 % interval")):
            axis.fill_between(
                rows["horizon"], rows[lower] / 1e3, rows[upper] / 1e3, color="tab:blue", alpha=0.2, label=label
            )
        axis.plot(rows["horizon"], rows["forecast"] / 1e3, marker="o", label="forecast")
        axis.plot(rows["horizon"], rows["actual"] / 1e3, marker="x", color="black", label="actual")
        axis.set(
            title=f"{user} ({rows['method'].iloc[0]})",
            xlabel="months ahead",
            ylabel="thousand ₹ a month",
            ylim=(0, None),
        )
    axes.flat[0].legend(fontsize=8)
    return figure


def components(model: SpendingModel) -> Figure:
    """Trend, year, month, week and festivals of all regular spending, as Prophet separates them."""
    curve = model.seasonality.curves[ALL]
    dates = pd.date_range(curve.start, pd.Timestamp(model.last) + pd.Timedelta(days=365))
    parts = pd.DataFrame(curve.components(dates.to_numpy().astype("datetime64[D]")), index=dates)
    panels: list[tuple[str, str, pd.Index, pd.Series]] = [
        ("trend", "trend (1 = an average day)", dates, parts["trend"])
    ]
    if "yearly" in parts:
        year = parts["yearly"].groupby(dates.dayofyear).mean().reindex(range(1, 366))
        panels.append(("yearly", "by day of the year", pd.date_range("2025-01-01", "2025-12-31"), 100 * year))
    month = parts["monthly"].groupby(dates.day).mean()
    week = parts["weekly"].groupby(dates.dayofweek).mean()
    panels.append(("monthly", "by day of the month", month.index, 100 * month))
    panels.append(("weekly", "by day of the week (0 = Monday)", week.index, 100 * week))
    panels.append(("festivals", "festivals", dates, 100 * parts["festivals"]))
    figure = Figure(figsize=(10, 2.4 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1)
    for axis, (name, title, x, y) in zip(axes, panels, strict=True):
        axis.plot(x, y)
        axis.set(title=title, ylabel="" if name == "trend" else "% of trend")
        if name in ("trend", "festivals"):
            axis.axvline(pd.Timestamp(model.last), color="0.5", linestyle="--")
    return figure


def coverage(compared: pd.DataFrame) -> Figure:
    """Coverage of both intervals, and the error beside the naive ones, by months ahead."""
    total = compared[compared["category"] == ""]
    inside = pd.DataFrame(
        {
            "80 % interval": total["actual"].between(total["lower"], total["upper"]),
            "95 % interval": total["actual"].between(total["lower_95"], total["upper_95"]),
        }
    )
    share = 100 * inside.groupby(total["horizon"]).mean()
    figure = Figure(figsize=(11, 4), layout="constrained")
    (left, right) = figure.subplots(1, 2)
    share.plot.bar(ax=left)
    for nominal in (80, 95):
        left.axhline(nominal, color="black", linestyle="--")
    left.set(title="coverage", xlabel="months ahead", ylabel="% of months", ylim=(0, 100))
    for column, label in (
        ("forecast", "model"),
        ("seasonal_naive", "seasonal-naive"),
        ("past_mean", "mean of last year"),
    ):
        error = (total["actual"] - total[column]).abs().groupby(total["horizon"]).mean() / 1e3
        right.plot(error.index, error, marker="o", label=label)
    right.set(title="mean absolute error", xlabel="months ahead", ylabel="thousand ₹ a month", ylim=(0, None))
    right.legend()
    return figure


def categories(compared: pd.DataFrame) -> Figure:
    """Errors beside those of seasonal-naive, of the categories with the highest spending."""
    parts = compared[~compared["category"].isin(("", OCCASIONAL))]
    top = parts.groupby("category")["actual"].sum().nlargest(MAX_CATEGORIES).index
    parts = parts[parts["category"].isin(top)]
    errors = {
        label: (parts["actual"] - parts[column]).abs().groupby(parts["category"]).mean().reindex(top) / 1e3
        for column, label in (("forecast", "model"), ("seasonal_naive", "seasonal-naive"))
    }
    figure = Figure(figsize=(9, 6), layout="constrained")
    axis = figure.subplots()
    pd.DataFrame(errors).iloc[::-1].plot.barh(ax=axis)
    axis.set(title="mean absolute error by category", xlabel="thousand ₹ a month", ylabel="")
    return figure
