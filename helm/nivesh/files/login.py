"""MLflow's server with the users of the Secret: admin may do everything, pipelines makes, changes and deletes experiments and
models, readers only reads.

The users' tables are made anew at each start, so the Secret alone says who they are. They are in SQLite, since MLflow's
migrations of them do not run on MySQL and MariaDB (two foreign keys of one name).
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path("/tmp")
# What pipelines writes, and what only admin may see and change.
WRITTEN = re.compile(
    r"/(ajax-)?api/[23]\.0/(mlflow-artifacts|mlflow/(runs|experiments|registered-models|model-versions|logged-models|artifacts|metrics))/"
)
MANAGED = re.compile(r"/(users|roles|permissions|webhooks|secrets|gateway|workspaces)(/|$)")


def make_users(database: str) -> None:
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(database)
    for name in ("admin", "pipelines", "readers"):
        store.create_user(name, os.environ.pop(f"{name.upper()}_PASSWORD"), is_admin=name != "readers")


def authenticate() -> Any:
    """MLflow's own check of the password, then what it has no right for: readers write nothing, pipelines manages no users.

    MLflow lets everybody make experiments and models. And it answers 403, not 404, to whoever is no administrator and asks for
    a model that is not there yet, so that the first training of a model would fail: to MLflow, pipelines is one.
    """
    from flask import request
    from mlflow.server.auth import authenticate_request_basic_auth, make_forbidden_response

    found = authenticate_request_basic_auth()
    reads = request.method in ("GET", "HEAD", "OPTIONS") or request.path.endswith(("/search", "/graphql"))
    allowed = {
        "readers": reads,
        "pipelines": bool(reads or WRITTEN.match(request.path)) and not MANAGED.search(request.path),
    }
    return found if allowed.get(getattr(found, "username", ""), True) else make_forbidden_response()


def main() -> None:
    """Make the users, then become the server, in which whom nothing else was granted may read."""
    file, config = FOLDER / "login.db", FOLDER / "login.ini"
    file.unlink(missing_ok=True)
    database = f"sqlite:///{file}"
    make_users(database)
    config.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {database}\nadmin_username = admin\n"
        "authorization_function = login:authenticate\n"
    )
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(config)
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    os.execvp("mlflow", ["mlflow", "server", "--app-name", "basic-auth", *sys.argv[1:]])


if __name__ == "__main__":
    main()
