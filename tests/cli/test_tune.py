"""``nivesh tune``: what needs no account, and the whole command against the fakes on this machine."""

import json

import pytest
from google.cloud.aiplatform_v1 import JobState
from typer.testing import CliRunner

from nivesh import data
from nivesh.cli import application, ready
from nivesh.data import dialect as dialects
from nivesh.data.advice import FIELDS
from nivesh.errors import DataError, ModelNotFound, SettingsError
from nivesh.registry import bundle, model_registry
from pipelines.local import Result, StepFailed

KEY = "gemini_advisor"


def tune(*arguments: str):
    result = CliRunner().invoke(application(), ["tune", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "advice.jsonl"
    rows = data.read("advice")[list(FIELDS)].head(30)
    rows.to_json(path, orient="records", lines=True, force_ascii=False)
    return path


def test_a_dry_run_needs_no_account_and_shows_what_would_be_paid(home, monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_PROJECT", "")
    output = " ".join(tune("--dry-run", "--epochs", "2").split())
    for part in ("160", "systemInstruction", "2 epochs of gemini-2.5-flash", "prices of 20", "Nothing was uploaded"):
        assert part in output
    assert not home.exists() or not list(home.rglob("runs"))


def test_a_file_with_problems_lists_them_all(home, file, capsys):
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[3]["output"] = "no"
    lines[5]["input"] += " My PAN is ABCPE1234F."
    file.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match="advice.jsonl: 2 problems"):
        tune("--data-path", file, "--dry-run")


def test_personal_data_are_masked_in_a_copy(home, file):
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[5]["input"] += " My PAN is ABCPE1234F."
    file.write_text("\n".join(map(json.dumps, lines)))
    tune("--data-path", file, "--dry-run", "--mask")
    (copy,) = [path.read_text() for path in (home / "masked").iterdir()]
    assert "[PAN]" in copy and "ABCPE1234F" not in copy
    assert "ABCPE1234F" in file.read_text()


def test_masking_drops_no_example_with_another_problem(home, file):
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[3]["output"] = "no"
    lines[5]["input"] += " My PAN is ABCPE1234F."
    file.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match="1 problems that --mask does not correct"):
        tune("--data-path", file, "--dry-run", "--mask")
    assert not (home / "masked").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--epochs", "0"), ("--adapter-size", "3"), ("--learning-rate-multiplier", "-1")]
)
def test_parameters_that_vertex_would_refuse_are_refused_before_anything_is_uploaded(home, file, vertex, option, value):
    for rest in ([], ["--dry-run"]):
        with pytest.raises(SettingsError, match=option.strip("-").replace("-", "_")):
            tune("--data-path", file, option, value, *rest)
    assert not vertex.storage.requests


def test_without_a_project_it_says_so(home, file, monkeypatch):
    monkeypatch.setenv("NIVESH_GOOGLE_PROJECT", "")
    with pytest.raises(SettingsError, match="gemini_advisor needs NIVESH_GOOGLE_PROJECT"):
        tune("--data-path", file)


def test_what_works_on_all_models_leaves_it_out_and_says_so(home, monkeypatch, capsys):
    monkeypatch.setenv("NIVESH_GOOGLE_PROJECT", "")
    assert KEY not in ready()
    assert "without gemini_advisor: NIVESH_GOOGLE_PROJECT not set" in capsys.readouterr().err
    monkeypatch.setenv("NIVESH_GOOGLE_PROJECT", "p")
    assert KEY in ready()


def test_a_wrong_parameter_costs_nothing(home, file):
    with pytest.raises(SettingsError, match="has no parameter 'epoch'; it has base_model"):
        tune("--data-path", file, "--epoch", "3")


def test_cancel_finds_the_job_of_these_data(home, file, vertex):
    from nivesh import models

    with pytest.raises(ModelNotFound, match="no tuning job runs"):
        tune("--data-path", file, "--cancel")
    module = models.get(KEY)
    vertex.states = [JobState.JOB_STATE_PENDING] + [JobState.JOB_STATE_RUNNING] * 100

    def stop(share: float, text: str) -> None:
        if text.startswith("running"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module.fit(module.split(data.read("advice", file), 0).train, progress=stop)
    (job,) = vertex.jobs.values()
    assert job.state == JobState.JOB_STATE_RUNNING, "Ctrl-C does not cancel the job"
    assert "cancelling" in tune("--data-path", file, "--cancel")
    assert job.state == JobState.JOB_STATE_CANCELLED


def test_the_whole_way_again_and_with_a_job_that_fails(home, file, vertex, steps_in_process):
    output = " ".join(tune("--data-path", file).split())
    assert "gemini_advisor passed: the first model, better than its baseline" in output
    assert "base" in output and "tuned" in output
    manifest = bundle.verify(home / "bundles" / KEY / "1.0.0")
    assert manifest.metrics["rouge_l"] > manifest.metrics["baseline_rouge_l"]
    card = (home / "reports" / KEY / "card-1.0.0.md").read_text()
    assert "SEBI-registered" in card and "billed_tokens" in card
    assert model_registry.semantic_version(model_registry.by_alias(KEY, "champion")) == "1.0.0"

    output = " ".join(tune("--data-path", file).split())
    assert "refused: not better" in output
    assert vertex.calls["CreateTuningJob"] == 1, "the same request finds the model that it made"

    vertex.states, vertex.job_error = [JobState.JOB_STATE_FAILED], "Internal error in tuning."
    with pytest.raises(StepFailed, match="failed: Internal error in tuning"):
        tune("--data-path", file, "--epochs", "4")
    assert model_registry.get_latest_version(KEY) == "1.0.0"


def test_a_refused_model_is_exit_code_3(home, vertex, monkeypatch):
    verdict = {"passed": False, "reason": "not better: rouge_l [0.3] against 0.4"}
    result = Result(KEY, verdict, {"rows": 5}, "", 1.0, home, [])
    monkeypatch.setattr("pipelines.local.run", lambda key, arguments, progress: result)
    monkeypatch.setattr(Result, "report", home)
    answer = CliRunner().invoke(application(), ["tune"])
    assert answer.exit_code == 3 and "rouge_l [0.3] against 0.4" in answer.output, answer.output


def test_a_file_of_other_field_names_is_tuned_on_with_its_dialect(home, file, tmp_path, vertex, monkeypatch):
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    chats = [{"prompt": line["input"], "reply": line["output"]} for line in lines]
    file.write_text("\n".join(map(json.dumps, chats)))
    described = tmp_path / "chats.yaml"
    described.write_text("columns: {input: prompt, output: reply}\nconstants: {instruction: Answer.}\n")
    with pytest.raises(DataError, match="90 problems"):
        tune("--data-path", file, "--dry-run")
    assert "Nothing was uploaded" in tune("--data-path", file, "--dialect", described, "--dry-run")
    given = {}
    monkeypatch.setattr("pipelines.local.run", lambda key, arguments, progress: given.update(arguments) or 1 / 0)
    for mask, dialect in ([], "prompt"), (["--mask"], ""):
        with pytest.raises(ZeroDivisionError):
            tune("--data-path", file, "--dialect", described, *mask)
        assert dialect in given["dialect"] and bool(given["dialect"]) == bool(dialect)
        read = data.read("advice", given["data_path"], dialect=dialects.parse(given["dialect"]))
        assert read["input"].tolist() == [" ".join(line["input"].split()) for line in lines]
