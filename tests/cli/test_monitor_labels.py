"""``labels`` of ``nivesh monitor``: what it adds and what it tells."""

import time

from typer import Typer
from typer.testing import CliRunner

from nivesh.cli.monitor_labels import labels
from nivesh.errors import DataError
from nivesh.serving.prediction_log import PredictionLog
from nivesh.serving.prediction_segments import to_folder
from tests.serving.test_prediction_log import row

KNOWN, UNKNOWN = "a" * 32, "b" * 32


def run(*arguments: str):
    app = Typer()
    app.command()(labels)
    return CliRunner().invoke(app, [*arguments, "--model", "credit-risk"])


def test_labels_of_a_file_are_added_once_and_unknown_ids_are_told(home, tmp_path, capsys):
    log = PredictionLog(tmp_path / "segments", to_folder(home / "predictions"))
    log.put(row(1, prediction_id=KNOWN, time=time.time() - 60))
    log.close()
    file = tmp_path / "outcomes.csv"
    file.write_text(f"prediction_id,label\n{KNOWN},1\n{UNKNOWN},0\n")
    first = run(str(file))
    told = " ".join((first.output + "".join(capsys.readouterr())).split())
    assert first.exit_code == 0, first.output
    assert "outcomes.csv: 2 labels of credit_risk added" in told
    assert "1 ids are of no prediction of the last 90 days" in told and UNKNOWN in told and KNOWN not in told
    again = run(str(file))
    assert "added before; nothing to do" in " ".join((again.output + "".join(capsys.readouterr())).split())


def test_a_wrong_row_adds_nothing(home, tmp_path):
    file = tmp_path / "outcomes.csv"
    file.write_text(f"prediction_id,label\n{KNOWN},1\n{UNKNOWN},perhaps\n")
    error = run(str(file)).exception
    assert isinstance(error, DataError) and "outcomes.csv row 3" in str(error)
    assert not (home / "monitoring").exists()
