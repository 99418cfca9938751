"""Exit codes of a training: 0 registered, 3 refused by the gate, 1 failed."""

import pytest
from typer.testing import CliRunner

from nivesh.cli import application
from pipelines import local
from tests.registry.test_decisions import training


@pytest.mark.parametrize("verb", ["train", "run"])
@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 3)])
def test_a_refused_model_is_exit_code_3(home, monkeypatch, verb, passed, code):
    def run(key, arguments, progress):
        verdict = {"passed": passed, "reason": "worse: [auc] 0.8 against the champion's 0.9"}
        return local.Result(
            key=key, verdict=verdict, metrics={"auc": 0.8}, version="1.0.0", seconds=1.0, folder=home, notes=[]
        )

    monkeypatch.setattr(local, "run", run)
    monkeypatch.setattr(local.Result, "report", home, raising=False)
    answer = CliRunner().invoke(application(), [verb, "credit_risk"])
    assert answer.exit_code == code, answer.output


def test_why_shows_the_reason_and_both_sides_of_a_refused_training(home, monkeypatch, capsys):
    tags = {"gate": "refused", "gate_reason": "worse: 0.88 < 0.91", "champion": "1.0.0", "champion_value": "0.91"}
    training("run-1", monkeypatch, key="credit_risk", data_source="loans.csv", **tags)
    assert CliRunner().invoke(application(), ["why", "credit-risk"]).exit_code == 0
    assert CliRunner().invoke(application(), ["models", "list", "--all"]).exit_code == 0
    from nivesh.cli import why

    why.why("credit_risk")
    shown = capsys.readouterr().out
    for part in ("refused: worse: 0.88 < 0.91", "loans.csv", "0.9000, champion 1.0.0: 0.91", "run-1"):
        assert part in shown
