"""Verbs that are killed at any of their writes and repeated end as if they had run once."""

import pytest

from nivesh.registry import experiments, model_registry
from tests.registry.kill import Kill, Killed

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def kill(monkeypatch):
    return Kill(monkeypatch)


def state(key: str) -> dict:
    """Champion and challenger, and the tags of every version."""
    aliases = {alias: model_registry.by_alias(key, alias) for alias in ("champion", "challenger")}
    tags = {
        v.tags["version"]: {n: t for n, t in v.tags.items() if n != "version"} for v in model_registry.versions(key)
    }
    leftover = experiments.client().get_registered_model(key).tags
    return {name: found and found.tags["version"] for name, found in aliases.items()} | tags | {"model": leftover}


def killed_and_repeated(key, arrange, verb, kill) -> int:
    """Run a verb, killed at each write in turn and then repeated; returns how many writes it makes."""
    arrange(f"{key}-0")
    verb(f"{key}-0")
    expected = state(f"{key}-0")
    for number in range(1, 30):
        name = f"{key}-{number}"
        arrange(name)
        kill.at(number)
        try:
            verb(name)
        except Killed:
            kill.at(0)
            verb(name)
            assert state(name) == expected, f"killed at write {number}"
        else:
            kill.at(0)
            return number - 1
    raise AssertionError("more than 30 writes")


def registered(key: str, missed: str = "") -> str:
    made = model_registry.register_model(key, "file:///nowhere", tags={"targets_missed": missed})
    return model_registry.semantic_version(made)


def three_champions(key: str) -> None:
    for _ in range(3):
        model_registry.set_champion(key, registered(key))


def champion_and_challenger(key: str) -> None:
    """1.2.0 is the champion, 1.3.0 the challenger, 1.4.0 neither and below target."""
    three_champions(key)
    model_registry.mark_packaged(key, registered(key), "s3://models/1.3.0", "ab")
    registered(key, missed="auc 0.8, must be > 0.85")


def test_a_rollback_goes_back_once(kill):
    writes = killed_and_repeated("rollback", three_champions, lambda key: model_registry.rollback(key, "slow"), kill)
    assert writes >= 4
    assert state("rollback-0") == {
        "champion": "1.1.0",
        "challenger": None,
        "1.0.0": {"targets_missed": "", "stage": "Archived"},
        "1.1.0": {"targets_missed": "", "stage": "Production", "previous_champion": "1.0.0"},
        "1.2.0": {"targets_missed": "", "stage": "Archived", "previous_champion": "1.1.0", "rolled_back": "slow"},
        "model": {},
    }


def test_a_promotion(kill):
    def promote(key):
        model_registry.set_champion(key, "1.3.0")

    assert killed_and_repeated("promote", champion_and_challenger, promote, kill) >= 4
    assert state("promote-0")["1.3.0"]["previous_champion"] == "1.2.0"


def test_a_packaged_version_becomes_the_challenger(kill):
    def package(key):
        model_registry.mark_packaged(key, "1.4.0", "s3://models/1.4.0", "cd")

    assert killed_and_repeated("package", champion_and_challenger, package, kill) == 5
    found = state("package-0")
    assert (found["champion"], found["challenger"]) == ("1.2.0", "1.4.0")
    assert found["1.3.0"]["stage"] == "Archived" and found["1.4.0"]["stage"] == "Staging"
    assert (found["1.4.0"]["bundle"], found["1.4.0"]["bundle_sha256"]) == ("s3://models/1.4.0", "cd")


@pytest.mark.parametrize(
    ("version", "stage", "archive", "champion", "challenger"),
    [
        ("1.3.0", "Production", True, "1.3.0", None),
        ("1.4.0", "Production", False, "1.4.0", "1.3.0"),
        ("1.4.0", "Staging", True, "1.2.0", "1.4.0"),
        ("1.3.0", "Archived", True, "1.2.0", None),
        ("1.2.0", "None", True, None, "1.3.0"),
    ],
)
def test_a_move_to_a_stage(kill, version, stage, archive, champion, challenger):
    def move(key):
        model_registry.transition_model_stage(key, version, stage, archive_existing=archive, reason="agreed")

    assert killed_and_repeated("move", champion_and_challenger, move, kill) >= 3
    found = state("move-0")
    assert (found["champion"], found["challenger"]) == (champion, challenger)
    assert found[version]["stage"] == stage and found[version]["override_reason"] == "agreed"
