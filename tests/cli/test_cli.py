"""The command line: every verb has help with an example, and errors that a user can mend are one line."""

import pytest
import typer

from nivesh.cli import application, train
from nivesh.errors import SettingsError
from tests.cli.command import nivesh

COMMANDS = typer.main.get_command(application())


def verbs(group=COMMANDS, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found += verbs(command, (*before, name)) if hasattr(command, "commands") else [(*before, name)]
    return found


@pytest.mark.parametrize("verb", verbs(), ids="-".join)
def test_every_verb_says_what_it_does_with_an_example(verb):
    command = COMMANDS
    for name in verb:
        command = command.commands[name]
    assert "Example" in command.help
    assert f"nivesh {' '.join(verb)}" in command.help
    for parameter in command.params:
        if parameter.name not in ("help", "context"):
            assert getattr(parameter, "help", None), f"{verb}: {parameter.name} has no help"


def test_the_verbs_of_the_readme():
    assert {verb[0] for verb in verbs()} >= {
        "simulate", "train", "evaluate", "predict", "compile", "serve", "models", "features", "demo",
    }  # fmt: skip


def test_options_become_typed_parameters():
    assert train.given(["--max-depth", "3", "--rate=0.1", "--user-id", "all", "--tune"]) == {
        "max_depth": 3, "rate": 0.1, "user_id": "all", "tune": True,
    }  # fmt: skip
    with pytest.raises(SettingsError, match="'depth' belongs to no option"):
        train.given(["depth", "3"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "no_such_model"), "there is no model 'no_such_model'; the models are"),
        (("train", "credit_risk", "--depth", "3"), "credit_risk has no parameter 'depth'; it has"),
        (
            ("evaluate", "credit_risk", "--data-path", "x.csv"),
            "has no champion yet; train it: nivesh train credit_risk",
        ),
        (("predict", "credit_risk", "-i", "x.csv", "-o", "x.xlsx"), "must end in one of"),
        (("simulate", "loans", "-o", "loans.txt"), "must end in .csv or .parquet"),
        (("models", "show", "credit_risk"), "has no version 'champion'"),
        (("run", "credit_risk", "--params", "3"), "credit_risk has no parameter 'params'; it has"),
        (("compile", "credit_risk", "no_such_model", "-o", "x"), "there is no model 'no_such_model'"),
        (
            ("compile", "credit_risk", "--registry", "https://r.example.com", "-o", "x"),
            "give registry.example.com/team",
        ),
        (("schedule", "credit_risk"), "give one of --weekly, --daily and --cron"),
        (("schedule", "credit_risk", "--cron", "0 2 * * *"), "give six fields, seconds first"),
        (("serve",), "no champion of any model to serve"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_a_user_can_mend_is_one_clear_line(home, arguments, message):
    answer = nivesh(*arguments)
    assert answer.returncode == 1
    assert message in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("kind", ["transactions", "loans"])
def test_simulated_files_pass_the_readers(kind, tmp_path):
    from nivesh import data

    output = tmp_path / f"{kind}.csv"
    answer = nivesh("simulate", kind, "-o", str(output), "--users", "2", "--months", "3", "--applications", "50")
    assert answer.returncode == 0, answer.stderr
    assert len(data.read(kind, output))
