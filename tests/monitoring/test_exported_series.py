"""Every query of the dashboards and alerts is asked of a real Prometheus that scrapes real servers and the exporter.

A query that asks for a metric or label that nothing exports gives no series, in Grafana an empty panel and in Prometheus an
alert that never fires; here it fails.
"""

import json
import re
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client import start_http_server

from nivesh import data, models
from nivesh.models.gemini_advisor.advisor import Advisor
from nivesh.models.gemini_advisor.schema import INSTRUCTIONS
from nivesh.monitoring import metrics
from nivesh.store import online_store
from nivesh.store.materialization import materialize
from nivesh.vertex.prices import price
from tests.conformance.conftest import Trained, few_rows, free_port, release, start
from tests.prometheus_server import PrometheusServer
from tests.vertex import google_here

pytestmark = [
    pytest.mark.skipif(
        not shutil.which("prometheus"), reason="prometheus is not installed: apt-get install prometheus"
    ),
    pytest.mark.timeout(600),
]
USER = models.get("credit_risk").spec.example["user_id"]
MANIFESTS = Path(__file__).parents[2] / "manifests/monitoring"
GRAFANA = {"$model": ".+", "$version": ".+", "$__rate_interval": "1m", "$__range": "5m"}
# Rows are lost where the disk is full or requests come faster than they can be written: not here. That the metric is
# exported is shown by what its servers say of it.
RARE = "nivesh_prediction_log_dropped_rows_total"
# An alert is asked whether it has series at all, not whether they are above its limit.
LIMIT = re.compile(r"(>=?) (-?[\d.e+]+)\b(?!\))")


def panels() -> dict[str, str]:
    found = {}
    for path in sorted((MANIFESTS / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                query = target["expr"]
                for variable, value in GRAFANA.items():
                    query = query.replace(variable, value)
                found[f"{path.stem}: {panel['title']} {target['refId']}"] = query
    return found


def alerts() -> dict[str, str]:
    """The expressions of the alerts with limits that everything exceeds."""
    found = {}
    for group in yaml.safe_load((MANIFESTS / "rules.yaml").read_text())["groups"]:
        for number, rule in enumerate(group["rules"]):
            query = re.sub(r"^absent\((.*)\)$", r"\1", rule["expr"])
            found[f"{rule['alert']} {number}"] = re.sub(LIMIT, r"\1 -1", query)
    return found


def metrics_of(query: str) -> set[str]:
    return set(re.findall(r"\b(?:ml|nivesh)_\w+", query))


def export() -> None:
    """What monitoring runs found, as bad as it can be, and champions that are not served."""
    model = {"model_name": "credit_risk", "version": "1.0.0"}
    forecast = {"model_name": "spending_predictor", "version": "1.0.0"}
    metrics.DRIFT_SCORE.labels(**model, feature="loan_amount").set(20)
    metrics.DRIFT_THRESHOLD.labels(**model, feature="loan_amount").set(6)
    metrics.MISSING_SHARE.labels(**model, feature="loan_amount").set(0.6)
    metrics.WINDOW_ROWS.labels(**model).set(500)
    for labels, low, high, expected in ((model, 0.6, 0.7, 0.9), (forecast, 30_000, 40_000, 25_000)):
        metrics.ACCURACY_EXPECTED.labels(**labels).set(expected)
        for source in (metrics.LABELLED, metrics.ESTIMATED):
            metrics.ACCURACY.labels(**labels, source=source).set((low + high) / 2)
            metrics.ACCURACY_LOW.labels(**labels, source=source).set(low)
            metrics.ACCURACY_HIGH.labels(**labels, source=source).set(high)
            metrics.ACCURACY_ROWS.labels(**labels, source=source).set(400)
    metrics.LAST_SUCCESS.labels("credit_risk").set(0)
    for group in ("finances", "behaviour", "history"):
        metrics.FEATURES_DATA_TIME.labels(group).set(0)
        metrics.FEATURES_MATERIALIZED_TIME.labels(group).set(0)
    for outcome in metrics.OUTCOMES:
        metrics.RETRAINING_REQUESTS.labels("credit_risk", outcome).set(1)
    metrics.CHAMPION.labels("credit_risk", "9.9.9").set(1)
    metrics.CHAMPION.labels("credit_risk", "1.0.0").set(1)
    metrics.CHAMPION.labels("not_served", "1.0.0").set(1)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with two champions: credit_risk on few rows, and an advisor without tuning, asked at a Google of this machine."""
    home = tmp_path_factory.mktemp("home")
    with google_here() as (_, google), pytest.MonkeyPatch.context() as environment:
        for name, value in {"NIVESH_HOME": str(home), **google}.items():
            environment.setenv(name, value)
        for name in ("NIVESH_TRACKING_URI", "MLFLOW_TRACKING_URI", "NIVESH_REDIS_URL"):
            environment.delenv(name, raising=False)
        credit, advice = models.get("credit_risk"), models.get("gemini_advisor")
        parts = credit.split(few_rows("credit_risk"), 0)
        fitted = credit.fit(parts.train, progress=lambda *step: None)
        credit.save(fitted, folder := tmp_path_factory.mktemp("credit"))
        release("credit_risk", Trained(credit, parts, fitted, {"auc": 0.9}, folder, []))
        base = "projects/local/locations/us-central1/publishers/google/models/gemini-2.5-flash"
        prices = price("gemini-2.5-flash"), price("gemini-2.5-flash-lite")
        advisor = Advisor(base, base, f"{base}-lite", "", 0, *prices, INSTRUCTIONS, ())
        advisor.save(folder := tmp_path_factory.mktemp("advice"))
        release("gemini_advisor", Trained(advice, parts, advisor, {"rouge_l": 0.5}, folder, []))
        rows = data.read("transactions")
        rows[rows["user_id"] == USER].to_csv(path := home / "transactions.csv", index=False)
        materialize(path, as_of=datetime.now(UTC))
        yield home
        online_store.close()


@pytest.fixture(scope="module")
def scraped(home, tmp_path_factory):
    """Requests and mistakes on a healthy server; outages on one that has no Redis and no budget, and then goes away."""
    export()
    port = free_port()
    exporter, thread = start_http_server(port, "127.0.0.1", metrics.REGISTRY)
    well = start(home)
    ill = start(
        home,
        NIVESH_REDIS_URL="redis://127.0.0.1:1/0",
        NIVESH_ADVICE_BUDGET="0.000001",
        NIVESH_PREDICTION_STORE="off",  # the other server writes to that of this home
    )
    targets = [server.url.removeprefix("http://") for server in (well, ill)]
    prometheus = PrometheusServer(
        tmp_path_factory.mktemp("prometheus"),
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {"job_name": "models", "static_configs": [{"targets": targets}]},
                {"job_name": "exporter", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]},
            ],
        },
    )
    try:
        prometheus.until_ready()
        for number in range(5):
            for server in (well, ill):
                statuses = [
                    server.post("/predict/credit-risk", json=models.get("credit_risk").spec.example).status_code,
                    server.post("/predict/credit-risk", json={}).status_code,
                    server.post("/predict/advice", json={"question": f"How does scheme {number} work?"}).status_code,
                ]
                assert statuses == ([200, 422, 200] if server is well else [503, 422, 200])
            time.sleep(1.5)
        time.sleep(2)
        ill.process.terminate()
        assert ill.process.wait(60) == 0
        time.sleep(3)
        yield prometheus
    finally:
        for server in (well, ill):
            server.process.terminate()
            server.process.wait(60)
        prometheus.close()
        exporter.shutdown()
        exporter.server_close()
        thread.join()


def without_series(prometheus: PrometheusServer, queries: dict[str, str]) -> list[str]:
    """Those that give no series; of what is rare, those whose metric nobody exports."""
    missing = []
    for name, query in queries.items():
        rare = RARE in query and all(prometheus.metadata(metric) for metric in metrics_of(query))
        if not rare and not prometheus.ask(query):
            missing.append(f"{name}: {query}")
    return missing


def test_every_panel_has_series(scraped):
    assert not without_series(scraped, panels())


def test_every_alert_has_series(scraped):
    assert not without_series(scraped, alerts())


def test_a_metric_that_is_renamed_is_noticed(scraped):
    queries = panels() | alerts()
    names = sorted({name for query in queries.values() for name in metrics_of(query)})
    assert len(names) > 20
    for name in names:
        renamed = {
            title: re.sub(rf"\b{name}\b", f"{name}_renamed", query)
            for title, query in queries.items()
            if name in metrics_of(query)
        }
        assert without_series(scraped, renamed), f"nothing notices that {name} is gone"


def test_no_panel_shows_nothing_but_nan(scraped):
    for name, query in panels().items():
        values = [one["value"] for one in scraped.ask(query)]
        assert not values or any(value == value for value in values), name
