"""MLflow's SQLite database under NIVESH_HOME: created once, complete or not at all, and usable after the home was moved."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

from nivesh.errors import SettingsError
from nivesh.settings import sqlite_uri

# Where MLflow stores absolute addresses of artifacts.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


@cache
def prepare(home: Path) -> None:
    """Make the database usable, once for each process and home.

    Raises:
        SettingsError: the home is no folder, or cannot be created.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"NIVESH_HOME={home} cannot be used as a folder: {error.strerror}") from None
    database = home / "mlflow.db"
    with _exclusive(home):
        if not database.exists():
            _create(database)
        else:
            _follow_home(database, home)
        if any(character in str(home) for character in "%?"):
            _open(database)


def _create(database: Path) -> None:
    """Create all tables under another name first: a process that is killed meanwhile leaves no half database."""
    draft = database.with_name(f".mlflow-{os.getpid()}.db")
    try:
        _open(draft)
        os.replace(draft, database)
    except OSError as error:
        raise SettingsError(f"NIVESH_HOME={database.parent} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _open(database: Path) -> None:
    """Have MLflow create its stores for a database, and all tables in it."""
    from mlflow import MlflowClient

    uri = sqlite_uri(database)
    encoded = Path(uri.removeprefix("sqlite:///")).parent
    existed = encoded.exists()
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.search_registered_models(max_results=1)
    client.search_experiments(max_results=1)
    if not existed:  # MLflow creates the parent folder of the URL without decoding it
        with contextlib.suppress(OSError):
            encoded.rmdir()


def _follow_home(database: Path, home: Path) -> None:
    """Rewrite the addresses of artifacts where the home lies elsewhere than when they were written."""
    artifacts = (home / "artifacts").as_uri()
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        rows = connection.execute("SELECT name, artifact_location FROM experiments").fetchall()
        suffixes = [(location, f"/artifacts/{quote(name)}") for name, location in rows if location]
        old = {location.removesuffix(s) + "/artifacts" for location, s in suffixes if location.endswith(s)}
        for before in old - {artifacts}:
            if not before.startswith("file:"):
                continue
            for table, column in ADDRESSES:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (artifacts, len(before) + 1, len(before) + 1, f"{before}/"),
                )


@contextlib.contextmanager
def _exclusive(home: Path) -> Iterator[None]:
    """Hold the home's lock; a home that cannot be written needs none."""
    try:
        lock = (home / ".mlflow.lock").open("w")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
