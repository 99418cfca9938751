"""A monitoring run: the predictions of a window, compared with the reference rows of the bundles that made them.

predictions, labels -> by version: drift of each column, quality with its interval -> cause -> report
"""

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from nivesh import models
from nivesh.errors import BundleError, ModelNotFound
from nivesh.monitoring import drift_report, window_report
from nivesh.monitoring.accuracy import LABELS, accuracy, calibration_rows, estimated_accuracy, newest_calibration
from nivesh.monitoring.cause import Cause, Quality, cause, values_outside
from nivesh.monitoring.drift import MIN_ROWS, ColumnDrift, compare
from nivesh.monitoring.labels import labels_of
from nivesh.monitoring.monitored_rows import is_comparable, logged_rows, monitored_rows, texts, with_features
from nivesh.monitoring.prediction_reader import read_predictions
from nivesh.monitoring.text_drift import compare_texts
from nivesh.monitoring.window_report import VersionReport, WindowReport
from nivesh.registry import bundle, bundle_cache, model_registry, reference_rows
from nivesh.registry.bundle import Manifest
from nivesh.store.objects import ObjectStore, monitoring_store

SEGMENT_CATEGORIES = 5  # of a column, the most frequent ones: more would be rows by the dozen
SERVER_ERROR = 500


def monitor(
    key: str,
    start: datetime,
    end: datetime,
    windows_per_year: int,
    progress: Callable[[float, str], None] = lambda fraction, text: None,
    retrain: Callable[[Cause], dict[str, Any]] | None = None,
    scheduled: bool = False,
) -> WindowReport:
    """Judge a window of a model's predictions and keep the report in the monitoring store.

    Args:
        key: of the model.
        start, end: the window, without its end.
        windows_per_year: how often this is done; the promised rate of false alarms is for a year.
        progress: gets (finished fraction, what is being done).
        retrain: asks for a retraining because of a cause; called for the version with most predictions where its cause is a
            drop in quality or broken data, which it refuses and quarantines. The report is kept before and after.
        scheduled: a retraining is due by the calendar.

    Raises:
        ModelNotFound, SettingsError, StorageUnavailable, DataError: as of ``read_predictions``.
    """
    key, store = models.get(key).key, monitoring_store()
    progress(0.0, "read predictions")
    predictions = read_predictions(key, start, end)
    versions: list[VersionReport] = []
    pages: dict[str, bytes] = {}
    counts = predictions["version"].value_counts()
    for number, version in enumerate(counts.index):
        progress((number + 1) / (len(counts) + 1), f"version {version}")
        rows = predictions[predictions["version"] == version]
        report, tables = _version(key, version, rows, windows_per_year, store, scheduled)
        versions.append(report)
        if not pages and tables:
            pages = _pages(*tables, [one for one in report.drift if one.column in tables[0]])
    made = WindowReport(key, start, end, datetime.now(UTC), versions)
    window_report.save(store, made, pages)
    if retrain is not None and versions and (versions[0].cause.retrains or versions[0].cause.quarantines):
        made = replace(made, retraining=retrain(versions[0].cause))
        window_report.save(store, made, {})
    return made


def _version(
    key: str, version: str, predictions: pd.DataFrame, windows_per_year: int, store: ObjectStore, scheduled: bool
) -> tuple[VersionReport, tuple[pd.DataFrame, pd.DataFrame] | None]:
    """The report of a version, and its two tables where they were compared."""
    failed = int((predictions["status"] >= SERVER_ERROR).sum())
    try:
        folder = bundle_cache.folder_of(model_registry.find(key, version))
        manifest = bundle.verify(folder)
        reference = reference_rows.read(folder)
    except (BundleError, ModelNotFound) as error:
        return VersionReport(version, len(predictions), failed, [], [], Cause("none", str(error)), str(error)), None
    quality = _quality(key, predictions, reference, manifest, store)
    before = monitored_rows(key, with_features(reference), reference["answer"].tolist())
    after = logged_rows(key, predictions)
    if min(len(before), len(after)) < MIN_ROWS:
        note = f"{len(after)} comparable predictions and {len(before)} reference rows; {MIN_ROWS} of each are needed"
        return VersionReport(
            version, len(predictions), failed, [], quality, cause([], quality, scheduled=scheduled), note
        ), None
    more = int(models.get(key).monitoring.TEXT != "")
    drifts = compare(before, after, windows_per_year=windows_per_year, more_columns=more)
    meanings, note = _text_drift(key, reference, predictions, len(drifts) + more, windows_per_year)
    verdict = cause(
        sorted(drifts + meanings, key=lambda one: -one.score),
        quality,
        values_outside(before, after, list(before.columns)),
        _segments(before, after, drifts, windows_per_year),
        scheduled,
    )
    return VersionReport(version, len(predictions), failed, drifts + meanings, quality, verdict, note), (before, after)


def _segments(
    before: pd.DataFrame, after: pd.DataFrame, drifts: list[ColumnDrift], windows_per_year: int
) -> dict[str, list[ColumnDrift]]:
    """The column that moved most, compared within each large category of the other columns: for the sentence of the cause."""
    if not drifts or not drifts[0].drifted:
        return {}
    moved, found = drifts[0].column, {}
    for column in [one.column for one in drifts if one.kind == "category" and one.column != moved]:
        for value in before[column].value_counts().index[:SEGMENT_CATEGORIES]:
            rows = before[before[column] == value], after[after[column] == value]
            if min(map(len, rows)) >= MIN_ROWS:
                found[f"{column}={value}"] = compare(*rows, [moved], windows_per_year)
    return found


def _quality(
    key: str, predictions: pd.DataFrame, reference: pd.DataFrame, manifest: Manifest, store: ObjectStore
) -> list[Quality]:
    """The primary metric by the labels that have come, and estimated from the confidence of all answers; those known."""
    spec = models.get(key).spec
    expected = manifest.metrics.get(spec.primary)
    if expected is None:
        return []
    labelled = labels_of(key, predictions, store)
    answers, labels = labelled["answer"].tolist(), labelled["label"].tolist()
    held_out = reference["answer"].tolist(), reference["label"].tolist()
    calibration = newest_calibration(calibration_rows(key, *held_out), calibration_rows(key, answers, labels))
    found = [accuracy(key, answers, labels)[spec.primary], estimated_accuracy(key, answers, calibration)]
    held_out_value = accuracy(key, *held_out)[spec.primary]
    error = (held_out_value.high - held_out_value.low) / 2
    return [
        Quality(
            metric=one.metric,
            source="labels" if one.source == LABELS else "estimate",
            value=one.value,
            low=one.low,
            high=one.high,
            expected=expected,
            rows=one.rows,
            higher_is_better=spec.higher_is_better,
            expected_error=error if math.isfinite(error) else 0.0,
        )
        for one in found
        if all(map(math.isfinite, (one.value, one.low, one.high)))
    ]


def _text_drift(
    key: str, reference: pd.DataFrame, predictions: pd.DataFrame, columns: int, windows_per_year: int
) -> tuple[list[ColumnDrift], str]:
    """The drift of the people's texts, nothing for models that read none; and a note where it could not be tested."""
    before = texts(key, with_features(reference))
    if not before:
        return [], ""
    from nivesh.text.embeddings import embed

    after = texts(key, with_features(predictions[is_comparable(predictions)]))
    try:
        return [compare_texts(embed(before), embed(after), columns, windows_per_year)], ""
    except ModuleNotFoundError as error:  # the platform's image has no torch
        return [], f"the meanings of texts were not compared, as {error.name} is not installed here"


def _pages(before: pd.DataFrame, after: pd.DataFrame, drifts: list[ColumnDrift]) -> dict[str, bytes]:
    """The report's HTML page and picture, by suffix."""
    with tempfile.TemporaryDirectory() as folder:
        html = drift_report.write_html(before, after, drifts, Path(folder) / "drift.html")
        png = drift_report.write_png(drifts, Path(folder) / "drift.png")
        return {"html": html.read_bytes(), "png": png.read_bytes()}
