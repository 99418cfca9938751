"""The compiled pipelines are kept, so that a change of what a cluster would run is seen in review."""

from pathlib import Path

import pytest
import yaml

import pipelines
from nivesh import models
from nivesh.errors import SettingsError
from nivesh.registry.tracking import RUN_ID
from pipelines.step import DEPLOY_FOLDER, DEPLOY_SECRET, ENVIRONMENT, MONITORING_ENVIRONMENT, REMOTE_SECRET, SECRET

GOLDEN = Path(__file__).parent / "golden"
KEYS = models.keys()


@pytest.mark.parametrize("prefix", pipelines.PIPELINES)
@pytest.mark.parametrize("key", KEYS)
def test_compiled_yaml_is_the_golden_one(key, prefix, tmp_path):
    golden = GOLDEN / f"{prefix}{key}.yaml"
    assert golden.is_file(), "write it: make golden"
    compiled = pipelines.compile_to(key, tmp_path / "p.yaml", pipeline=pipelines.PIPELINES[prefix]).read_text()
    assert compiled == golden.read_text(), "the pipeline changed; if it was meant to: make golden"


def test_no_golden_file_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == {
        prefix + key for prefix in pipelines.PIPELINES for key in KEYS
    }


@pytest.mark.parametrize("key", KEYS)
def test_monitoring_is_the_command_of_the_same_name_with_the_secrets_it_needs(key):
    spec, platform = yaml.safe_load_all((GOLDEN / f"monitor-{key}.yaml").read_text())
    (executor,) = spec["deploymentSpec"]["executors"].values()
    assert executor["container"]["image"] == "nivesh/platform:dev"
    assert executor["container"]["command"] == ["python", "-m", "nivesh.cli", "monitor", "run", key]
    (settings,) = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    given = {one["envVar"]: secret["secretName"] for secret in settings["secretAsEnv"] for one in secret["keyToEnv"]}
    assert given == dict.fromkeys((*ENVIRONMENT, *MONITORING_ENVIRONMENT), SECRET)


@pytest.mark.parametrize("key", KEYS)
def test_steps_are_those_of_the_readme(key):
    compiled = yaml.safe_load((GOLDEN / f"{key}.yaml").read_text().split("---")[0])
    tasks = set(compiled["root"]["dag"]["tasks"])
    assert {"ingest", "validate", "split", "train", "evaluate", "gate"} <= tasks
    released = set(compiled["components"]["comp-condition-1"]["dag"]["tasks"])
    assert released == {"register", "package", "deploy"}, "what is released stands behind the gate"


@pytest.mark.parametrize("key", KEYS)
def test_nothing_of_this_machine_is_in_the_yaml(key, monkeypatch, tmp_path):
    monkeypatch.setenv("NIVESH_HOME", "/somewhere/else")
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, "https://somewhere.example")
    assert pipelines.compile_to(key, tmp_path / "p.yaml").read_text() == (GOLDEN / f"{key}.yaml").read_text()


@pytest.mark.parametrize("key", KEYS)
def test_every_step_has_image_resources_time_limit_run_id_secret_and_retries(key):
    spec, platform = yaml.safe_load_all((GOLDEN / f"{key}.yaml").read_text())
    executors = spec["deploymentSpec"]["executors"]
    settings = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    image = f"nivesh/train-{models.get(key).spec.runtime}:dev"
    for name, executor in executors.items():
        container = executor["container"]
        assert container["image"] == image
        assert {"resourceCpuRequest", "resourceMemoryRequest", "resourceMemoryLimit"} <= container["resources"].keys()
        assert "pip install" not in " ".join(container["command"])
        assert int(settings[name]["activeDeadlineSeconds"]) > 0
        (run_id,) = settings[name]["fieldPathAsEnv"]
        assert run_id == {"name": RUN_ID, "fieldPath": "metadata.labels['pipeline/runid']"}
        secret, *further = settings[name]["secretAsEnv"]
        assert secret["secretName"] == SECRET
        deploys = name == "exec-deploy"
        mounted = [(one["secretName"], one["mountPath"]) for one in settings[name].get("secretAsVolume", [])]
        assert mounted == [(DEPLOY_SECRET, DEPLOY_FOLDER)] * deploys, "only the last step may change what is served"
        expected = [REMOTE_SECRET] * bool(models.get(key).spec.needs) + [DEPLOY_SECRET] * deploys
        assert [one["secretName"] for one in further] == expected
        assert {one["envVar"] for one in secret["keyToEnv"]} == set(ENVIRONMENT)
    graphs = [spec["root"], *spec["components"].values()]
    tasks = [(name, task) for one in graphs if "dag" in one for name, task in one["dag"]["tasks"].items()]
    steps = [(name, task) for name, task in tasks if f"exec-{name}" in executors]
    assert {name for name, _ in steps} == {name.removeprefix("exec-") for name in executors}
    for name, task in steps:
        retries, limit = task["retryPolicy"], int(settings[f"exec-{name}"]["activeDeadlineSeconds"])
        assert retries["maxRetryCount"] == 3
        assert int(retries["backoffMaxDuration"].rstrip("s")) >= 4 * limit, "Argo counts the attempts themselves"
    assert not any(task["cachingOptions"].get("enableCache") for _, task in steps), "it would never hit"
    assert all(task["taskInfo"]["name"] == name for name, task in steps), "KFP 2.0 finds outputs by the display name"


def test_a_registry_comes_before_the_images_names_and_nothing_else_changes(tmp_path):
    there = pipelines.compile_to("credit_risk", tmp_path / "p.yaml", "registry.example.com:5000/team/").read_text()
    here = (GOLDEN / "credit_risk.yaml").read_text()
    assert there == here.replace("image: nivesh/", "image: registry.example.com:5000/team/nivesh/")


def test_parameters_of_the_pipeline_and_of_the_training_are_told_apart():
    given = {"canary": 25, "horizon": 90}
    assert pipelines.arguments("spending_predictor", "", 7, given) == {
        "data_path": "", "seed": 7, "params": {"horizon": 90}, "canary": 25,
    }  # fmt: skip
    with pytest.raises(SettingsError, match="credit_risk has no parameter 'horizon'"):
        pipelines.arguments("credit_risk", "", 0, {"horizon": 90})
    with pytest.raises(SettingsError, match="canary=200 must be a whole number from 0 to 100"):
        pipelines.arguments("credit_risk", "", 0, {"canary": 200})


@pytest.mark.parametrize("name", ["data_path", "params"])
def test_what_has_an_option_of_its_own_is_no_further_one(name):
    with pytest.raises(SettingsError, match=f"credit_risk has no parameter '{name}'"):
        pipelines.arguments("credit_risk", "", 0, {name: 3})


@pytest.mark.parametrize("registry", ["https://registry.example.com", "my registry", "/team", "Registry.example.com"])
def test_a_registry_that_no_image_can_have_is_refused(registry, tmp_path):
    with pytest.raises(SettingsError, match="cannot stand before an image's name"):
        pipelines.compile_to("credit_risk", tmp_path / "p.yaml", registry)
    assert not (tmp_path / "p.yaml").exists()
