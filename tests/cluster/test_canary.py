"""Canaries on a real cluster: exact weights in the route, and not one request lost under a constant load."""

import json
import time

import pytest
import yaml

from nivesh.errors import ClusterError
from nivesh.rollout.cluster import Cluster
from tests.cluster.load import Load
from tests.cluster.stage import BETTER, BODY, GOOD, KEY, NAME, PATH, TAMPERED, opened

pytestmark = pytest.mark.timeout(420)


@pytest.fixture(scope="module")
def shared(kubeconfig, trained_home, tmp_path_factory):
    with opened(kubeconfig, trained_home, tmp_path_factory.mktemp("home"), "canary") as stage:
        yield stage


@pytest.fixture
def stage(shared):
    """Only the stable version runs, whatever the test before left."""
    if shared.state().canary:
        shared.run("rollback", KEY, "--reason", "the next test begins")
    return shared


@pytest.fixture
def load(stage):
    with Load(stage.host, PATH, BODY) as load:
        yield load
    print(load.assert_nothing_lost())


def other(version: str) -> str:
    return GOOD if version != GOOD else BETTER


def test_ten_fifty_hundred_percent_and_promoted(stage, load):
    state = stage.state()
    old, new, stable = state.version, other(state.version), state.stable_service
    canary = state.service("v" + new.replace(".", "-"))
    for percent, least, most in ((10, 0.04, 0.20), (50, 0.38, 0.62), (100, 1.0, 1.0)):
        if percent == 10:
            stage.run("deploy", KEY, "--version", new, "--canary", "10")
        else:
            stage.run("traffic", KEY, str(percent))
        assert stage.weights() == {stable: 100 - percent, canary: percent}
        time.sleep(1)  # the gateway's Envoys get the route a little after the gateway
        counted = load.watch(6)
        share = counted[new] / counted.total()
        print(f"{percent} %: {dict(counted)}, share {share:.3f}")
        assert least <= share <= most
        assert counted.keys() <= {old, new}
    pods = stage.pods(canary)
    stage.run("promote", KEY, "--without-registry")
    assert list(stage.weights()) == [canary]
    assert stage.pods(canary) == pods, "promotion restarts no pod"
    assert set(load.watch(3)) == {new}
    assert stage.events() >= {"CanaryStarted", "TrafficShifted", "Promoted"}


def test_rollback_from_half_the_traffic(stage, load):
    state = stage.state()
    stage.run("deploy", KEY, "--version", other(state.version), "--canary", "50")
    table = stage.run("status", KEY)
    assert "50 %" in table and other(state.version) in table and "2/2 + 1/1" in table
    assert "SystemExit" not in stage.run("rollback", KEY, "--reason", "twice the errors")
    assert list(stage.weights()) == [state.stable_service]
    assert set(load.watch(3)) == {state.version}
    assert "RolledBack" in stage.events()


def test_a_rollback_without_canary_names_the_way_back(stage):
    output = stage.run("rollback", KEY, "--reason", "bad", code=1)
    assert "has no canary" in output and "nivesh undo KEY" in output


def test_a_second_rollout_is_refused(stage):
    state = stage.state()
    stage.run("deploy", KEY, "--version", other(state.version), "--canary", "10")
    output = stage.run("deploy", KEY, "--version", "9.9.9", code=1)
    assert f"a rollout of {other(state.version)} runs at 10 %" in output
    assert stage.state().canary.version == other(state.version)


def test_interrupted_and_called_again(stage, load):
    state = stage.state()
    new = other(state.version)
    story = [
        ("deploy", KEY, "--version", new, "--canary", "30"),
        ("traffic", KEY, "60"),
        ("promote", KEY, "--without-registry"),
    ]
    for command in story:
        for seconds in (3.0, 5.0):  # the start of Python takes part of it
            process = stage.start(*command)
            time.sleep(seconds)
            process.kill()
            process.communicate()
        stage.run(*command)
    assert stage.state().version == new
    assert set(load.watch(2)) == {new}


def test_a_pod_dies_in_mid_canary(stage, load):
    state = stage.state()
    new = other(state.version)
    canary = state.service("v" + new.replace(".", "-"))
    stage.run("deploy", KEY, "--version", new, "--canary", "50")
    (pod,) = stage.pods(canary)
    stage.kubectl("delete", pod, "--wait=false")
    stage.run("traffic", KEY, "50")
    assert stage.weights() == {state.stable_service: 50, canary: 50}
    assert pod not in stage.pods(canary) or len(stage.pods(canary)) == 2
    time.sleep(1)
    counted = load.watch(4)
    assert counted.keys() == {state.version, new}


def test_a_tampered_bundle_leaves_stable_alone(stage, load):
    state = stage.state()
    output = stage.run("deploy", KEY, "--version", TAMPERED, "--canary", "50", code=1)
    assert "was changed after packaging" in output
    assert stage.weights().get(state.service("v1-3-0"), 0) == 0
    table = stage.run("status", KEY).replace("│", " ")
    assert "was changed after packaging" in " ".join(table.split())
    assert set(load.watch(3)) == {state.version}
    stage.run("rollback", KEY, "--reason", "tampered bundle")
    assert list(stage.weights()) == [state.stable_service]
    assert set(load.watch(3)) == {state.version}
    assert {"CanaryFailed", "RolledBack"} <= stage.events()


def test_plain_kubectl_apply(stage, load):
    """Without nivesh: the same split from a user's own manifest, and our commands continue from there."""
    state = stage.state()
    new = other(state.version)
    service = stage.service()
    service["spec"]["predictor"] |= {"name": state.predictor["name"]} if "name" in state.predictor else {}
    service["spec"]["predictor"]["model"]["storageUri"] = stage.uri(state.version)
    model = service["spec"]["predictor"]["model"] | {"storageUri": stage.uri(new)}
    service["spec"]["canary"] = [{"trafficPercent": 25, "predictor": {"name": "own", "minReplicas": 1, "model": model}}]
    stage.kubectl("apply", "-f", "-", input=yaml.safe_dump(service))
    own = f"{NAME}-own-predictor"
    stage.until(lambda now: now.canary_weight == 25 and now.route.accepted, "a quarter of the requests")
    assert stage.weights() == {state.stable_service: 75, own: 25}
    time.sleep(1)
    counted = load.watch(5)
    assert 0.12 <= counted[new] / counted.total() <= 0.40
    stage.run("promote", KEY, "--without-registry")
    assert list(stage.weights()) == [own]
    assert stage.state().version == new


def test_a_kserve_that_does_not_know_a_field_gets_no_part_of_the_change(stage):
    kubernetes = Cluster(stage.namespace)
    _, before = kubernetes.read(NAME)
    with pytest.raises(ClusterError, match='^unknown field "spec.nothing"$'):
        kubernetes.patch(before, {"spec": {"nothing": [], "predictor": {"minReplicas": 9}}})
    assert kubernetes.read(NAME)[1]["spec"] == before["spec"]


def test_the_old_bundle_put_back_by_a_manifest_and_the_version_deployed_again(stage, load):
    state = stage.state()
    old, new = state.version, other(state.version)
    stage.run("deploy", KEY, "--version", new, "--canary", "50")
    stage.run("promote", KEY, "--without-registry")
    back = {"spec": {"predictor": {"model": {"storageUri": stage.uri(old)}}}}
    stage.kubectl("patch", "isvc", NAME, "--type=merge", "-p", json.dumps(back))
    stage.until(lambda now: set(load.watch(1)) == {old}, "the old bundle")
    stage.run("deploy", KEY, "--version", new, "--canary", "50")
    again = stage.state()
    assert stage.weights() == {again.stable_service: 50, again.canary_service: 50}
