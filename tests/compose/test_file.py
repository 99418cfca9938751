"""docker-compose.yaml and what it mounts: by the Compose specification, complete, pinned, and closed."""

import json
import re
import shutil
import subprocess
import tomllib
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from nivesh.settings import PROJECT
from tests.compose.stack import FILE, environment, load

GENERATED = re.findall(r"^(\w+)=$", (PROJECT / ".env.example").read_text(), re.M)  # empty values of the example
OFFICIAL = ("prom/prometheus", "grafana/grafana")


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> dict:
    return load(environment(tmp_path_factory.mktemp("env")))


@pytest.fixture(scope="module", params=list(yaml.safe_load(FILE.read_text())["services"]))
def service(request, document) -> dict:
    return document["services"][request.param]


def test_it_is_valid_by_the_specification(document):
    schema = json.loads(
        files("check_jsonschema").joinpath("builtin_schemas", "vendor", "compose-spec.json").read_text()
    )
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"services": {"mlflow": {"image": "x", "restarts": "always"}}}, schema)


def test_docker_reads_it():
    """Where Docker with compose is installed; no daemon is asked."""
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("there is no docker compose")
    command = ["docker", "compose", "-f", str(FILE), "--env-file", str(PROJECT / ".env.example"), "config"]
    done = subprocess.run(
        command, env=dict.fromkeys(GENERATED, "x") | {"PATH": "/usr/bin:/usr/local/bin"}, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_images_are_pinned_and_ours_are_of_this_version(service):
    name, _, tag = service["image"].rpartition(":")
    if name in OFFICIAL:
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag) and "build" not in service
    else:
        version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
        assert tag == version
        assert f" AS {service['build']['target']}\n" in (PROJECT / "Dockerfile").read_text()


def test_every_service_is_watched_and_confined(service):
    check = service["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL") and check["interval"] and check["retries"]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged") and service["user"].split(":")[0] not in ("0", "root", "")


def test_ports_are_bound_to_this_machine_alone(service):
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service["ports"])


def test_the_ports_are_those_of_the_guide(document):
    bound = {name: one["ports"][0].split(":")[1] for name, one in document["services"].items()}
    guide = {"mlflow": "5000", "redis": "6379", "server": "8000", "prometheus": "9090", "grafana": "3001"}
    assert guide.items() <= bound.items()


def test_what_is_mounted_is_there_and_what_is_written_is_a_named_volume(document, service):
    for mount in service.get("volumes", ()):
        source, _, rest = mount.partition(":")
        if source.startswith("./"):
            assert (PROJECT / source).exists(), source
            assert rest.endswith(":ro"), mount
        else:
            assert source in document["volumes"]


def test_a_named_volume_belongs_to_the_user_of_the_image(service):
    """Docker gives a new volume the owner of the image's folder; where there is none it is root's."""
    if service["image"].startswith(OFFICIAL):
        return
    text = (PROJECT / "Dockerfile").read_text()
    stage = text.partition(f" AS {service['build']['target']}\n")[2].partition("\nFROM ")[0]
    folders = [mount.partition(":")[2] for mount in service.get("volumes", ()) if not mount.startswith("./")]
    assert folders and all(f"install -d -o 10001 -g 10001 {folder}" in stage for folder in folders)


def test_no_password_is_in_the_file_and_none_may_be_empty(tmp_path):
    with pytest.raises(KeyError, match="run make up"):
        load({})
    made = environment(tmp_path)
    assert len(GENERATED) >= 4
    for name in GENERATED:
        assert re.fullmatch(r"[0-9a-f]{48}", made[name])
        with pytest.raises(KeyError, match=f"{name}: run make up"):
            load(made | {name: ""})
    assert len({made[name] for name in GENERATED}) == len(GENERATED)


def test_an_env_that_is_there_is_left_alone_and_readable_by_its_owner_only(tmp_path):
    first, second = environment(tmp_path), environment(tmp_path)
    assert first == second
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert first["NIVESH_REDIS_URL"] == f"redis://:{first['REDISCLI_AUTH']}@127.0.0.1:6379/0"


def test_env_is_in_no_commit():
    assert ".env" in (PROJECT / ".gitignore").read_text().splitlines()


def test_grafana_reads_the_datasource_that_the_dashboards_can_choose_and_their_folder(document):
    folder = PROJECT / "compose/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    (provider,) = yaml.safe_load((folder / "dashboards/nivesh.yaml").read_text())["providers"]
    mounted = {mount.split(":")[1]: mount.split(":")[0] for mount in document["services"]["grafana"]["volumes"]}
    found = list(Path(PROJECT / mounted[provider["options"]["path"]]).glob("*.json"))
    assert len(found) >= 4
    for path in found:
        assert json.loads(path.read_text())["uid"], path


def test_the_build_context_has_what_the_targets_copy():
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", (PROJECT / "Dockerfile").read_text(), re.M)
    sources = {
        word.partition("/")[0] if word.startswith("requirements") else word for one in copied for word in one.split()
    }
    assert sources <= allowed
