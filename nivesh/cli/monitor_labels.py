"""``nivesh monitor labels``: what really was, from a file."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from nivesh.cli import err, out


def labels(
    file: Annotated[
        Path, Argument(help="CSV, Excel, JSON lines or Parquet: prediction_id, label and optionally label_time")
    ],
    key: Annotated[str, Option("--model", help="the model whose predictions are labelled")],
    days: Annotated[float, Option(min=1, max=400, help="days of the prediction log that ids are looked up in")] = 90,
) -> None:
    """Add labels that came later. The same file twice counts once; of several labels of a prediction the latest counts.

    **Example**: nivesh monitor labels outcomes.csv --model credit_risk
    """
    from nivesh import models
    from nivesh.errors import SettingsError
    from nivesh.monitoring.label_file import read_label_file
    from nivesh.monitoring.labels import add_labels, unknown_ids
    from nivesh.registry.champion_labels import champion_labels

    key = models.get(key).key
    frame = read_label_file(file)
    added = add_labels(key, frame, file.name, champion_labels(key))
    if not added:
        out.print(f"{file.name}: these {len(frame)} labels were added before; nothing to do", highlight=False)
        return
    out.print(f"{file.name}: {added} labels of {key} added", highlight=False)
    try:
        unknown = unknown_ids(key, set(frame["prediction_id"].astype(str).str.strip()), days)
    except SettingsError as error:
        err.print(f"[yellow]the ids were not looked up[/]: {error}", highlight=False)
        return
    if unknown:
        err.print(
            f"[yellow]{len(unknown)} ids are of no prediction of the last {days:g} days[/], such as {unknown[0]}; "
            "they count once such a prediction is in the log",
            highlight=False,
        )
