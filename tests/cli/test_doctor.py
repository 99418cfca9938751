import json

import pytest

from nivesh.doctor import examination
from nivesh.doctor.finding import Status, fail, ok, warn
from tests.cli.command import nivesh

FINE = [ok("Redis", "answers"), warn("champions", "none of credit_risk", "nivesh train credit_risk")]
BROKEN = [fail("MLflow", "http://127.0.0.1:5000 [down]", "docker compose up -d mlflow")]


@pytest.mark.parametrize(("findings", "code"), [(FINE, 0), (FINE + BROKEN, 1)])
def test_the_exit_code_is_1_where_something_failed(monkeypatch, findings, code):
    monkeypatch.setattr(examination, "CHECKS", {"all": lambda: findings})
    answer = nivesh("doctor")
    assert answer.returncode == code, answer.stderr
    assert "Traceback" not in answer.stderr
    answer = nivesh("doctor", "--json")
    assert answer.returncode == code
    document = json.loads(answer.stdout)
    assert document["ok"] == (code == 0)
    assert [one["status"] for one in document["findings"]] == [str(one.status) for one in findings]


def test_each_line_has_its_remedy_and_brackets_stay():
    from rich.console import Console

    from nivesh.cli.doctor import table

    console = Console(width=120)
    with console.capture() as captured:
        console.print(table(FINE + BROKEN))
    text = captured.get()
    assert "http://127.0.0.1:5000 [down]" in text and "→ docker compose up -d mlflow" in text
    assert text.count("→") == 2 and Status.FAIL in text
