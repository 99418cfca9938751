"""A real Prometheus that finds the pods by their annotations answers the product's queries by model and version."""

import json
import re
import shutil
import time
from pathlib import Path

import httpx
import pytest

from nivesh.monitoring import queries
from tests.cluster.load import GATEWAY, Load
from tests.cluster.load import KEY as API_KEY
from tests.cluster.stage import BODY, GOOD, KEY, NAME, PATH, STABLE, opened
from tests.prometheus_server import PrometheusServer

pytestmark = [
    pytest.mark.skipif(not shutil.which("prometheus"), reason="needs prometheus (Debian's package of that name)"),
    pytest.mark.timeout(420),
]
WINDOW = "1m"


def scraping(targets: Path) -> dict:
    """All pods annotated prometheus.io/scrape, at the annotated port and path.

    Debian builds Prometheus without kubernetes_sd_configs. The rules are those for it; only the list of pods with its
    labels comes from a file (see ``discovered``).
    """
    annotation = "__meta_kubernetes_pod_annotation_prometheus_io_"
    address = ["__meta_kubernetes_pod_ip", f"{annotation}port"]
    return {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s"},
        "scrape_configs": [
            {
                "job_name": "kubernetes-pods",
                "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "2s"}],
                "relabel_configs": [
                    {"source_labels": [f"{annotation}scrape"], "action": "keep", "regex": "true"},
                    {"source_labels": ["__meta_kubernetes_pod_phase"], "action": "keep", "regex": "Running"},
                    {"source_labels": [f"{annotation}path"], "target_label": "__metrics_path__", "regex": "(.+)"},
                    {"source_labels": address, "separator": ":", "target_label": "__address__"},
                    {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
                ],
            }
        ],
    }


def discovered(pods: list[dict]) -> list[dict]:
    """Pods as Prometheus' own discovery gives them: one target each, facts and annotations as labels."""
    found = []
    for pod in pods:
        annotations = pod["metadata"].get("annotations", {}).items()
        labels = {f"annotation_{re.sub('[^a-zA-Z0-9]', '_', name)}": value for name, value in annotations}
        labels |= {
            "name": pod["metadata"]["name"],
            "phase": pod["status"]["phase"],
            "ip": pod["status"].get("podIP", ""),
        }
        meta = {f"__meta_kubernetes_pod_{name}": value for name, value in labels.items()}
        found.append({"targets": [pod["status"].get("podIP", "")], "labels": meta})
    return found


class Prometheus(PrometheusServer):
    """A Prometheus that scrapes the pods of ``targets``."""

    def __init__(self, folder: Path):
        self.targets = folder / "targets.json"
        super().__init__(folder, scraping(self.targets))

    def by_version(self, query: str) -> dict[str, float]:
        found = self.ask(query)
        assert {one["model_name"] for one in found} <= {KEY}
        return {one["version"]: one["value"] for one in found}


@pytest.fixture(scope="module")
def stage(kubeconfig, trained_home, tmp_path_factory):
    with opened(kubeconfig, trained_home, tmp_path_factory.mktemp("home"), "scraped") as stage:
        yield stage


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    server = Prometheus(tmp_path_factory.mktemp("prometheus"))
    try:
        server.until_ready()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def scraped(stage, prometheus):
    """A canary at a quarter, half a minute of requests, and one in ten invalid on purpose."""
    stage.run("deploy", KEY, "--version", GOOD, "--canary", "25")
    with Load(stage.host, PATH, BODY) as load:
        for number in range(150):
            if number % 25 == 0:  # the autoscaler may add pods
                pods = json.loads(stage.kubectl("get", "pods", "-o", "json"))["items"]
                prometheus.targets.write_text(json.dumps(discovered(pods)))
            answer = httpx.post(
                GATEWAY + PATH, json={"query": 7}, headers={"Host": stage.host} | API_KEY, trust_env=False
            )
            assert answer.status_code == 422
            time.sleep(0.2)
    print(load.assert_nothing_lost())
    time.sleep(5)  # two more scrapes
    return prometheus


def test_finds_the_pods_of_both_versions_by_their_annotations(scraped):
    up = scraped.ask("up")
    assert len(up) >= 2 and {one["value"] for one in up} == {1.0}
    assert all(one["pod"].startswith(NAME) for one in up)
    assert {one["version"] for one in scraped.ask('ml_model_accuracy{source="held_out"}')} == {STABLE, GOOD}
    assert {one["value"] for one in scraped.ask("ml_active_models")} == {1.0}


def test_requests_errors_and_p99_by_version(scraped):
    figures = {
        "requests a second": scraped.by_version(queries.requests_per_second(WINDOW, model_name=KEY)),
        "requests": scraped.by_version(queries.requests(WINDOW, model_name=KEY)),
        "errors a second": scraped.by_version(queries.errors_per_second(WINDOW, model_name=KEY)),
        "error ratio": scraped.by_version(queries.error_ratio(WINDOW, model_name=KEY)),
        "p50": scraped.by_version(queries.latency(0.5, WINDOW, model_name=KEY)),
        "p99": scraped.by_version(queries.latency(0.99, WINDOW, model_name=KEY)),
        "share": scraped.by_version(queries.traffic_share(WINDOW, model_name=KEY)),
    }
    for name, values in figures.items():
        print(f"{name}: { ({version: round(value, 4) for version, value in values.items()}) }")
        assert values.keys() == {STABLE, GOOD}, name
        assert name == "error ratio" or all(value > 0 for value in values.values()), name
    assert 0.15 <= figures["share"][GOOD] <= 0.35
    assert all(value <= 10 for value in figures["p99"].values())
    assert set(figures["error ratio"].values()) == {0.0}, "a client's mistakes are not the model's"
    invalid = scraped.by_version(queries.requests(WINDOW, model_name=KEY, status="client_error"))
    assert all(0.01 < invalid[version] / figures["requests"][version] < 0.3 for version in (STABLE, GOOD))
    assert {one["error_type"] for one in scraped.ask(queries.errors_by_type(WINDOW))} == {"DataError"}


def test_no_requests_give_no_sample(scraped):
    for query in (queries.error_ratio, queries.traffic_share, queries.requests_per_second, queries.errors_per_second):
        assert scraped.ask(query(WINDOW, version="9.9.9")) == []
    assert scraped.ask(queries.latency(0.99, WINDOW, version="9.9.9")) == []
