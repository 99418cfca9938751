"""The alerts: their files are those of the code, each fires and resolves by promtool, and each has its runbook."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from nivesh import models
from nivesh.monitoring import alert_files, alerts, objectives

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests/monitoring"
CASES = sorted((Path(__file__).parent / "alerts").glob("*.yaml"))
RULES = [rule for group in yaml.safe_load((MANIFESTS / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
NAMES = sorted({rule["alert"] for rule in RULES})
TESTS = [test for path in CASES for test in yaml.safe_load(path.read_text())["tests"]]
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed: apt-get install prometheus"
)


@pytest.mark.parametrize("name", [alert_files.RULES, alert_files.OPERATOR_RULES])
def test_the_files_are_those_of_the_code(name, tmp_path):
    alert_files.write(tmp_path)
    assert (tmp_path / name).read_text() == (MANIFESTS / name).read_text(), "run: make golden"


def test_the_operators_resource_has_the_same_rules():
    resource = yaml.safe_load((MANIFESTS / alert_files.OPERATOR_RULES).read_text())
    assert (resource["apiVersion"], resource["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert resource["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert [rule for group in resource["spec"]["groups"] for rule in group["rules"]] == RULES


def test_labels_namespace_and_address_of_the_runbooks_can_be_chosen():
    resource = alert_files.prometheus_rule("https://wiki.example.com/nivesh", {"prometheus": "main"}, "observability")
    assert resource["metadata"]["namespace"] == "observability"
    assert resource["metadata"]["labels"] == {"app.kubernetes.io/part-of": "nivesh", "prometheus": "main"}
    urls = [rule["annotations"]["runbook_url"] for group in resource["spec"]["groups"] for rule in group["rules"]]
    assert all(url.startswith("https://wiki.example.com/nivesh#nivesh") for url in urls)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join([rule["alert"], *rule["labels"].values()]))
def test_each_rule_says_who_what_and_where_to_read(rule):
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["description"].endswith(".")
    by_model = "model_name" in rule["labels"] or "model_name" in rule["expr"]
    assert by_model or rule["alert"] in {
        "NiveshServerDown", "NiveshPredictionStoreAway", "NiveshMaterializationMissed", "NiveshExporterDown",
    }  # fmt: skip


def test_every_model_has_an_objective_for_its_latency_and_a_direction_of_its_metric():
    texts = {name: "\n".join(rule["expr"] for rule in RULES if rule["alert"] == name) for name in NAMES}
    for key in models.keys():
        for name in ("NiveshLatencyBudgetBurn", "NiveshAccuracyDrop", "NiveshAccuracyEstimateDrop"):
            assert re.search(rf"\b{key}\b", texts[name]), (key, name)


def test_the_budgets_are_those_of_the_documentation():
    assert [(one.factor, one.long, one.short, one.severity) for one in objectives.BURN_RATES] == [
        (14.4, "1h", "5m", "page"),
        (6, "6h", "30m", "page"),
        (3, "1d", "2h", "ticket"),
    ]


@needs_promtool
@pytest.mark.parametrize("path", [MANIFESTS / "rules.yaml"], ids=lambda path: path.name)
def test_promtool_accepts_the_rules(path):
    done = subprocess.run(["promtool", "check", "rules", "--lint-fatal", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_alert_fires_resolves_and_stays_quiet(path):
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_rule_that_never_fires_would_be_noticed(tmp_path):
    path = next(path for path in CASES if path.stem == "models")
    rules = yaml.safe_load((MANIFESTS / "rules.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = "vector(0) > 1"
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    cases = yaml.safe_load(path.read_text()) | {"rule_files": ["rules.yaml"]}
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases))
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "cases.yaml"], capture_output=True, text=True)
    assert done.returncode == 1 and "got:[]" in done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join([rule["alert"], *rule["labels"].values()]))
def test_each_rule_has_a_case_that_fires_then_resolves_and_one_that_does_not_fire(rule):
    fires = resolves = quiet = False
    for test in TESTS:
        wanted = [one for one in test["alert_rule_test"] if one["alertname"] == rule["alert"]]
        firing = [one["eval_time"] for one in wanted for alert in one["exp_alerts"] if _of(alert, rule)]
        fires = fires or bool(firing)
        resolves = resolves or (bool(firing) and not wanted[-1]["exp_alerts"])
        quiet = quiet or (bool(wanted) and f"{rule['alert']} does not fire" in test["name"] and not firing)
    assert fires and resolves and quiet, (fires, resolves, quiet)


def _of(alert: dict, rule: dict) -> bool:
    return rule["labels"].items() <= alert["exp_labels"].items()


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_a_runbook(name):
    text = (ROOT / alert_files.RUNBOOKS).read_text()
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    assert section, f"{alert_files.RUNBOOKS} has no section {name}"
    for part in ("**Meaning.**", "**Check.**", "**Remedy.**"):
        assert part in section[1], (name, part)
    assert "`" in section[1] or "```" in section[1], f"{name}: give a command"


def test_no_runbook_is_of_an_alert_that_is_gone():
    text = (ROOT / alert_files.RUNBOOKS).read_text()
    assert set(re.findall(r"^### (Nivesh\w+)$", text, re.M)) == set(NAMES)


@pytest.mark.parametrize("path", [ROOT / alert_files.RUNBOOKS], ids=lambda path: path.name)
def test_links_within_the_documentation_lead_somewhere(path):
    for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", path.read_text()):
        page = path if not target else path.parent / target
        assert page.is_file(), target
        headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
        assert not anchor or anchor in {_anchor(heading) for heading in headings}, (target, anchor)


def _anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_alerts_of_one_name_differ_in_their_labels():
    """Alertmanager takes alerts with the same labels for one."""
    seen = [
        (one.name, one.severity, *sorted(one.labels.items())) for group in alerts.groups().values() for one in group
    ]
    assert len(set(seen)) == len(seen)
