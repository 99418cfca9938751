"""The chart renders as its golden files say, refuses wrong values, and makes only pods without rights."""

import json
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import CHART, KUBERNETES, LOCAL, helm, needs_helm, objects, pods, template
from tests.helm.readme import readme, rows

HERE = Path(__file__).parent
ALL = HERE / "values-all.yaml"
MANIFESTS = CHART.parents[1] / "manifests"
# python -m tests.helm.golden writes them
GOLDEN = {"local": LOCAL, "all": ALL}
KEYS = {"s3.accessKey": '"a"', "s3.secretKey": '"b"'}
pytestmark = needs_helm


@pytest.fixture(scope="module", params=list(GOLDEN.values()), ids=list(GOLDEN))
def rendered(request):
    return objects(template(request.param))


@pytest.mark.parametrize("values", GOLDEN.values(), ids=GOLDEN.keys())
def test_lint_finds_nothing(values):
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), "--kube-version", KUBERNETES, "-f", str(values))


@pytest.mark.parametrize("name", GOLDEN)
def test_the_chart_renders_as_the_golden_file_says(name):
    # The session key of MLflow is random where no cluster knows one.
    assert comparable(template(GOLDEN[name])) == (HERE / "golden" / f"{name}.yaml").read_text(), (
        "python -m tests.helm.golden writes what the chart renders now"
    )


def test_the_readme_is_made_from_the_values():
    assert (CHART / "README.md").read_text() == readme(), "python -m tests.helm.readme writes it"


def test_the_readme_has_every_value():
    def paths(values: dict, before: str = "") -> set[str]:
        found: set[str] = set()
        for key, value in values.items():
            # a mapping in braces is one value: labels, resources
            nested = isinstance(value, dict) and f"\n{'  ' * before.count('.')}{key}:\n" in f"\n{text}"
            found |= paths(value, f"{before}{key}.") if nested else {before + key}
        return found

    text = (CHART / "values.yaml").read_text()
    assert paths(yaml.safe_load(text)) <= {path for path, _, _ in rows(text)}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("typo", "1", "typo"),
        ("redis.pasword", '"x"', "pasword"),
        ("redis.password", '"short"', "/redis/password"),
        ("redis.password", '"with@sign-and-12"', "/redis/password"),
        ("mlflow.workers", "0", "/mlflow/workers"),
        ("mlflow.workers", '"many"', "/mlflow/workers"),
        ("s3.bundles", '"models"', "/s3/bundles"),
        ("s3.endpoint", '"http://minio:9000"', "/s3/endpoint"),
        ("gateway.rateLimit.unit", '"Fortnight"', "/gateway/rateLimit/unit"),
        ("gateway.apiKeys.clients.app", '"short"', "/gateway/apiKeys/clients/app"),
        ("features.schedule", '"daily"', "/features/schedule"),
        ("networkPolicies.s3.to", '[{"host": "s3.example.com"}]', "host"),
        ("images.digests.redis", '"latest"', "/images/digests/redis"),
        ("mlflow.resources.limits.memory", '"much"', "/mlflow/resources/limits/memory"),
        ("admission.serviceAccounts", '["pipeline-runner"]', "/admission/serviceAccounts"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(path, value, said):
    assert said in template(LOCAL, code=1, values={path: value})


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("s3.secretKey", '""', "s3.secretKey"),
        ("gateway", '{"create": true, "namespace": "nivesh", "tls": {"enabled": true}}', "gateway.namespace"),
        ("redis.enabled", "false", "redis: enable it, or give the url"),
        ("mlflow.enabled", "false", "enable mlflow"),
        ("mlflow.database.enabled", "false", "mlflow.database: enable it, or give the url"),
        ("s3.accessKey", '""', "or make the Secret nivesh-training yourself"),
    ],
)
def test_values_that_do_not_fit_together_are_refused_with_what_to_do(path, value, said):
    assert said in template(LOCAL, code=1, values={path: value})


def test_no_password_is_the_same_twice_or_written_in_the_chart():
    wanted = ("nivesh-redis", "nivesh-mlflow", "nivesh-mlflow-database", "nivesh-api-keys")

    def made() -> dict[str, str]:
        found = objects(template(values=KEYS))
        secrets = {one["metadata"]["name"]: one["stringData"] for one in found if one["kind"] == "Secret"}
        assert secrets["nivesh-redis"]["password"] in secrets["nivesh-redis"]["url"]
        assert secrets["nivesh-mlflow-database"]["password"] in secrets["nivesh-mlflow-database"]["url"]
        training = secrets["nivesh-training"]["MLFLOW_TRACKING_PASSWORD"]
        assert training == secrets["nivesh-mlflow"]["pipelines-password"], "made once, for server and steps"
        return {f"{name} {key}": value for name in wanted for key, value in secrets[name].items()}

    first, second = made(), made()
    assert first.keys() == second.keys() and len(first) == 9
    assert not [name for name in first if first[name] == second[name]]
    assert all(len(value) >= 32 for value in first.values())
    assert len({value for name, value in first.items() if "url" not in name}) == 7


def test_every_pod_is_restricted_and_without_a_token(rendered):
    found = pods(rendered)
    assert len(found) >= 5
    for name, spec in found.items():
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            context = container["securityContext"]
            assert context["capabilities"] == {"drop": ["ALL"]} and context["readOnlyRootFilesystem"], name
            assert context["allowPrivilegeEscalation"] is False, name
            assert container["resources"]["limits"].keys() >= {"memory", "ephemeral-storage"}, name
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name
        for volume in spec["volumes"]:
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], name


def test_kubernetes_gets_texts_as_labels_and_annotations(rendered):
    """A hash of twelve digits is a number in YAML unless it is quoted, and refused."""
    for one in rendered:
        template_of = one.get("spec", {}).get("template", {}) if one["kind"] == "Deployment" else {}
        for metadata in (one["metadata"], template_of.get("metadata", {})):
            for values in (metadata.get("labels") or {}, metadata.get("annotations") or {}):
                assert all(isinstance(value, str) for value in values.values()), one["metadata"]["name"]


def test_nothing_is_made_twice(rendered):
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in rendered]
    assert len(names) == len(set(names))


def test_what_is_in_the_chart_is_not_in_the_manifests(rendered):
    def identity(one: dict) -> tuple:
        return one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]

    kubectl = [yaml.safe_load_all(path.read_text()) for path in MANIFESTS.rglob("*.yaml") if path.parent.name != "kind"]
    theirs = {identity(one) for documents in kubectl for one in documents if one and "metadata" in one}
    assert not theirs & {identity(one) for one in rendered}


def test_data_and_passwords_stay_unless_told_otherwise():
    def kept(**values: str) -> set[str]:
        found = objects(template(values=KEYS | values))
        policy = "helm.sh/resource-policy"
        return {
            f"{one['kind']} {one['metadata']['name']}"
            for one in found
            if (one["metadata"].get("annotations") or {}).get(policy) == "keep"
        }

    passwords = {"nivesh-redis", "nivesh-mlflow", "nivesh-mlflow-database", "nivesh-api-keys"}
    volumes = {"PersistentVolumeClaim redis", "PersistentVolumeClaim mlflow-database"}
    assert kept() == volumes | {f"Secret {name}" for name in passwords}
    assert kept(keepData="false") == set()


def test_dashboards_and_rules_are_those_of_the_manifests(rendered):
    """Links in the chart's folder, which helm follows, lead to them."""
    made = [one for one in rendered if (one["metadata"].get("labels") or {}).get("grafana_dashboard") == "1"]
    files = sorted((MANIFESTS / "monitoring/dashboards").glob("*.json"))
    assert len(files) == 4
    assert {name: json.loads(text) for one in made for name, text in one["data"].items()} == {
        file.name: json.loads(file.read_text()) for file in files
    }
    (rule,) = (one for one in rendered if one["kind"] == "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((MANIFESTS / "monitoring/rules.yaml").read_text())


def comparable(text: str) -> str:
    """A render without what is random in it, and without dashboards and rules, which come from files."""
    documents = text.split("\n---\n")
    documents = [one for one in documents if "name: dashboard-" not in one and "kind: PrometheusRule" not in one]
    lines = "\n---\n".join(documents).splitlines()
    lines = ["  session-key: RANDOM" if "session-key: " in line else line for line in lines if "walk.go" not in line]
    return "\n".join(lines) + "\n"
