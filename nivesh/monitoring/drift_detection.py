"""The guide's drift detection: two tables -> a report as a dict, with an HTML page by Evidently and a picture beside it.

    from nivesh import detect_model_drift
    report = detect_model_drift(reference_df, current_df)
    report["drift_detected"]

Whether a column has drifted is decided in ``nivesh.monitoring.drift``; see there for the rate of false alarms.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh.errors import DataError
from nivesh.monitoring import drift_report
from nivesh.monitoring.drift import WINDOWS_PER_YEAR, ColumnDrift, compare


def detect_model_drift(
    reference_df: pd.DataFrame,
    current_df: pd.DataFrame,
    columns: Sequence[str] | None = None,
    windows_per_year: int = WINDOWS_PER_YEAR,
    report_folder: str | Path | None = None,
) -> dict[str, Any]:
    """Compare a window of rows with the reference, column by column.

    Args:
        reference_df: rows of the training data.
        current_df: rows of the window.
        columns: those to compare; all of the reference where not given.
        windows_per_year: how often this comparison is made in a year; the promised rate of false alarms is for a year.
        report_folder: where ``drift.html`` (Evidently) and ``drift.png`` are written; nothing is written without it.

    Returns:
        ``drift_detected``, ``drifted_columns`` (the strongest first), ``sentence``, ``columns``: by name, the score, its
        threshold, whether it drifted, the distance, the direction, the shares of missing values and a sentence; ``report``:
        the paths that were written.

    Raises:
        DataError: too few rows, no columns, or a column that the reference has not.
    """
    for frame in (reference_df, current_df):
        if not isinstance(frame, pd.DataFrame):
            raise DataError(f"give two pandas DataFrames, not a {type(frame).__name__}")
    found = compare(reference_df, current_df, columns, windows_per_year)
    drifted = [one for one in found if one.drifted]
    written: dict[str, str] = {}
    if report_folder is not None:
        folder = Path(report_folder)
        folder.mkdir(parents=True, exist_ok=True)
        written = {
            "html": str(drift_report.write_html(reference_df, current_df, found, folder / "drift.html")),
            "png": str(drift_report.write_png(found, folder / "drift.png")),
        }
    return {
        "drift_detected": bool(drifted),
        "drifted_columns": [one.column for one in drifted],
        "sentence": _sentence(found, drifted),
        "columns": {one.column: _as_dict(one) for one in found},
        "report": written,
    }


def _as_dict(one: ColumnDrift) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "score": one.score,
        "threshold": one.threshold,
        "drifted": one.drifted,
        "distance": one.distance,
        "direction": one.direction,
        "missing": one.missing,
        "reference_missing": one.reference_missing,
        "sentence": one.sentence,
    }


def _sentence(found: list[ColumnDrift], drifted: list[ColumnDrift]) -> str:
    if not drifted:
        return f"none of {len(found)} columns has drifted; the strongest change: {found[0].sentence}"
    more = f", and {len(drifted) - 1} more" if len(drifted) > 1 else ""
    return f"{drifted[0].sentence}{more} ({len(drifted)} of {len(found)} columns have drifted)"
