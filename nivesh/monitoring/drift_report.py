"""The verdicts of ``nivesh.monitoring.drift`` for people: Evidently's page of distributions, and a picture.

Evidently's own default tests are not used: they alarm on most windows of a hundred rows without drift, and drop missing values.
"""

import threading
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh.monitoring.drift import ColumnDrift

MAX_REPORT_ROWS = 5_000  # of each table that Evidently draws; its time grows with every row
MAX_BARS = 30
METHOD = "nivesh"
_registering = threading.Lock()  # Evidently knows a test by its name, in one registry for the process


def write_html(reference: pd.DataFrame, current: pd.DataFrame, found: list[ColumnDrift], path: Path) -> Path:
    """Evidently's page: for each column its distributions, with our score and verdict.

    A column without a value in one of the tables is shown by its number of missing values only: Evidently's drift metric
    cannot take it.
    """
    from evidently import DataDefinition, Dataset, Report
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType
    from evidently.metrics import MissingValueCount, ValueDrift

    verdicts = {one.column: one for one in found}
    kinds = {"number": ColumnType.Numerical, "category": ColumnType.Categorical}

    def test(before: pd.Series, after: pd.Series, kind: Any, threshold: float) -> tuple[float, bool]:
        return verdicts[str(after.name)].score, verdicts[str(after.name)].drifted

    names = list(verdicts)
    tables = [_drawn(frame.reindex(columns=names), verdicts) for frame in (reference, current)]
    definition = DataDefinition(
        numerical_columns=[name for name in names if verdicts[name].kind == "number"],
        categorical_columns=[name for name in names if verdicts[name].kind == "category"],
    )
    datasets = [Dataset.from_pandas(table, data_definition=definition) for table in tables]
    drawable = [name for name in names if all(table[name].notna().any() for table in tables)]
    metrics = [ValueDrift(column=name, method=METHOD, threshold=verdicts[name].threshold) for name in drawable]
    with _registering:
        register_stattest(StatTest(METHOD, "-log10 of the p-value", list(kinds.values())), default_impl=test)
        report = Report([*metrics, *(MissingValueCount(column=name) for name in names)])
        snapshot = report.run(current_data=datasets[1], reference_data=datasets[0])
    snapshot.save_html(str(path))  # given a Path, Evidently writes nothing
    return path


def _drawn(frame: pd.DataFrame, verdicts: dict[str, ColumnDrift]) -> pd.DataFrame:
    """At most ``MAX_REPORT_ROWS`` rows, every column of the kind that its verdict is about."""
    frame = frame.sample(min(len(frame), MAX_REPORT_ROWS), random_state=0)
    return pd.DataFrame(
        {
            name: pd.to_numeric(frame[name], errors="coerce").astype(float)
            if one.kind == "number"
            else frame[name].astype("string").astype(object).where(frame[name].notna(), None)
            for name, one in verdicts.items()
        }
    )


def write_png(found: list[ColumnDrift], path: Path) -> Path:
    """A bar per column: its score, and the threshold above which it has drifted."""
    from matplotlib.figure import Figure

    bars = found[:MAX_BARS][::-1]
    figure = Figure(figsize=(8, 1 + 0.3 * len(bars)), layout="constrained")
    axes = figure.subplots()
    top = 3 * found[0].threshold
    axes.barh(
        [one.column for one in bars],
        [min(one.score, top) for one in bars],
        color=["tab:red" if one.drifted else "tab:blue" for one in bars],
    )
    axes.axvline(found[0].threshold, color="black", linestyle="--", label="threshold")
    axes.set_xlabel("drift score, -log10 of the p-value (longer bars are cut)")
    axes.set_title(f"{sum(one.drifted for one in found)} of {len(found)} columns have drifted")
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    return path
