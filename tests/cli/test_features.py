import json
import subprocess
import sys
import time

import httpx
import pytest
from typer.testing import CliRunner

from nivesh import data
from nivesh.cli import application
from nivesh.store import online_store
from tests.conformance.conftest import free_port


def run(*words: str):
    return CliRunner().invoke(application(), ["features", *words])


@pytest.fixture
def rows(tmp_path):
    """Transactions of three users in a file."""
    rows = data.read("transactions")
    path = tmp_path / "rows.parquet"
    rows[rows["user_id"].isin(sorted(rows["user_id"].unique())[:3])].to_parquet(path)
    return path


def test_apply_materialize_get(store, rows):
    applied = run("apply")
    assert applied.exit_code == 0 and "merchants" in applied.output and "service credit_risk" in applied.output
    made = run("materialize", "--data-path", str(rows))
    assert made.exit_code == 0 and "finances: 3 users" in made.output
    again = run("materialize", "--data-path", str(rows), "--incremental")
    assert again.exit_code == 0, again.output
    user = data.read("transactions", rows)["user_id"].iloc[0]
    shown = run("get", user)
    assert json.loads(shown.output)["features"] == online_store.get_features(user)
    assert run("get", "nobody").exit_code == 1


def test_feasts_server_answers_what_we_read(store, home):
    online_store.save_features("user_123", {"monthly_income": 60000})
    port = free_port()
    home.mkdir(exist_ok=True)
    with (home / "features.log").open("w") as log:
        command = [sys.executable, "-m", "nivesh.cli", "features", "serve", "--port", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (home / "features.log").read_text()
            try:
                httpx.get(f"http://127.0.0.1:{port}/health")
                break
            except httpx.TransportError:
                time.sleep(0.2)
        asked = {"feature_service": "credit_risk", "entities": {"user_id": ["user_123"]}}
        answer = httpx.post(f"http://127.0.0.1:{port}/get-online-features", json=asked, timeout=60).json()
    finally:
        process.terminate()
        process.wait(timeout=60)
    place = answer["metadata"]["feature_names"].index("monthly_income")
    assert answer["results"][place]["values"] == [60000.0]


def test_a_bank_statement_is_materialised_with_its_dialect(store, tmp_path):
    statement = tmp_path / "bank.csv"
    statement.write_text('Date,Narration,Withdrawal,Deposit\n01/04/2025,TCS,,"1,25,000"\n02/04/2025,DMART,500,\n')
    described = tmp_path / "bank.yaml"
    described.write_text(
        "columns: {timestamp: Date, merchant: Narration}\nconstants: {user_id: me, category: uncategorised}\n"
        'row_ids: true\ndate_format: "%d/%m/%Y"\n'
    )
    refused = run("materialize", "--data-path", str(statement))
    assert refused.exit_code != 0 and online_store.get_features("me") is None
    made = run("materialize", "--data-path", str(statement), "--dialect", str(described))
    assert made.exit_code == 0 and "finances: 1 users" in made.output, made.output
    assert online_store.get_features("me")["monthly_income"] == 125_000
