"""MLflow: whether it answers, takes the login, and has a champion of each model. Asked over HTTP, or read from SQLite.

MLflow's own client is not used: it repeats a request for minutes, and creates and migrates databases.
"""

import contextlib
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

import httpx
from packaging.version import InvalidVersion, Version

from nivesh import models
from nivesh.doctor.finding import TIMEOUT, Finding, fail, ok, warn
from nivesh.registry.model_registry import CHAMPION
from nivesh.settings import settings

OLDEST = Version("3.16.1")  # older servers have a default password
API = "/api/2.0/mlflow"


def mlflow() -> list[Finding]:
    """The registry of the settings, and the champions in it."""
    uri = settings().tracking_uri
    keys = [key for key in models.keys() if not models.get(key).unset_settings()]
    if uri.startswith(("http://", "https://")):
        return _server(uri.rstrip("/"), keys)
    if uri:
        return [ok("MLflow", f"{uri.partition(':')[0]}: not asked, as it is no server")]
    return _local(settings().home.resolve() / "mlflow.db", keys)


def _server(url: str, keys: list[str]) -> list[Finding]:
    """Ask an MLflow server; what it refuses is a finding with its remedy."""
    start = "docker compose up -d mlflow, kubectl -n nivesh port-forward service/mlflow 5000, or correct NIVESH_TRACKING_URI"
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token and not user else {}
    auth = (user, password or "") if user else None
    try:
        with httpx.Client(base_url=url, auth=auth, headers=headers, timeout=TIMEOUT) as client:
            health = client.get("/health")
            if not health.is_success:
                return [fail("MLflow", f"{url}/health answers {health.status_code}", "docker compose restart mlflow")]
            version = client.get("/version")
            if version.status_code in (401, 403):
                return [_refused(url, version, user)]
            if not version.is_success:
                return [fail("MLflow", f"{url} answers {version.status_code}", "docker compose restart mlflow")]
            champions = {key: _champion(client, key) for key in keys}
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [fail("MLflow", f"{url} does not answer: {type(error).__name__}: {error}", start)]
    except _Answer as error:
        return [fail("MLflow", f"{url} {error}", "docker compose restart mlflow; its log says why")]
    return [_version(url, version.text), _champions(champions)]


def _refused(url: str, answer: httpx.Response, user: str | None) -> Finding:
    if answer.status_code == 403:
        remedy = "add this host to MLFLOW_SERVER_ALLOWED_HOSTS of the server, or give the user more rights"
        return fail("MLflow", f"{url} refuses: {answer.text[:100]}", remedy)
    if not user:
        return fail("MLflow", f"{url} asks for a login", "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
    remedy = "correct MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD: set -a; . ./.env; set +a"
    return fail("MLflow", f"{url} refuses user {user!r} or the password", remedy)


class _Answer(Exception):
    """The server answered a request of the registry with an error."""


def _champion(client: httpx.Client, key: str) -> str | None:
    """The champion's version, or None."""
    found = client.get(f"{API}/registered-models/alias", params={"name": key, "alias": CHAMPION})
    if found.is_success:
        version = found.json()["model_version"]
        tags = {tag["key"]: tag["value"] for tag in version.get("tags", ())}
        return str(tags.get("version", version["version"]))
    with contextlib.suppress(ValueError):
        if found.json().get("error_code") in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
    raise _Answer(f"answers {found.status_code} for the champion of {key}")


def _local(database: Path, keys: list[str]) -> list[Finding]:
    """Read the home's SQLite database, without MLflow and without a change."""
    train = "nivesh train credit_risk, make demo, or set NIVESH_TRACKING_URI"
    if not database.exists():
        return [warn("MLflow", f"{database} does not exist: nothing was trained here", train)]
    query = (
        "SELECT a.name, COALESCE(t.value, a.version) FROM registered_model_aliases a LEFT JOIN model_version_tags t "
        "ON t.name = a.name AND t.version = a.version AND t.key = 'version' WHERE a.alias = ?"
    )
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=TIMEOUT)
        ) as db:
            champions = dict(db.execute(query, (CHAMPION,)).fetchall())
    except sqlite3.Error as error:
        remedy = f"move {database} away, or restore it; a new one is made by the next training"
        return [fail("MLflow", f"{database} cannot be read: {error}", remedy)]
    return [ok("MLflow", str(database)), _champions({key: champions.get(key) for key in keys})]


def _version(url: str, text: str) -> Finding:
    with contextlib.suppress(InvalidVersion):
        if Version(text.strip()) < OLDEST:
            return fail(
                "MLflow", f"{url} is {text.strip()}, older than {OLDEST}", "make up, or upgrade the server's image"
            )
    return ok("MLflow", f"{url}, {text.strip()}")


def _champions(champions: dict[str, str | None]) -> Finding:
    listed = ", ".join(f"{key} {version}" for key, version in champions.items() if version)
    if missing := [key for key, version in champions.items() if not version]:
        text = f"no champion of {', '.join(missing)}" + (f"; there is {listed}" if listed else "")
        return warn("champions", text, f"nivesh train {missing[0]}")
    return ok("champions", listed)
