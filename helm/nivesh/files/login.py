"""MLflow's server with the users of the Secret: admin may do everything, pipelines makes, changes and deletes experiments and
models, readers only reads.

The users' tables are made anew at each start, so the Secret alone says who they are. They are in SQLite, since MLflow's
migrations of them do not run on MySQL and MariaDB (two foreign keys of one name).
"""

import os
import sys
from pathlib import Path

FOLDER = Path("/tmp")


def make_users(database: str) -> None:
    import mlflow
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(database)
    mlflow.set_workspace("default")
    for name in ("admin", "pipelines", "readers"):
        store.create_user(name, os.environ.pop(f"{name.upper()}_PASSWORD"), is_admin=name == "admin")
    store.set_workspace_permission("default", "pipelines", "USE")
    for kind in ("experiment", "registered_model", "prompt"):
        store.grant_user_permission("pipelines", kind, "*", "MANAGE")


def main() -> None:
    """Make the users, then become the server, in which whom nothing else was granted may read."""
    file, config = FOLDER / "login.db", FOLDER / "login.ini"
    file.unlink(missing_ok=True)
    database = f"sqlite:///{file}"
    make_users(database)
    os.environ.pop("MLFLOW_WORKSPACE", None)  # set_workspace wrote it; the server refuses to start with it
    config.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {database}\nadmin_username = admin\n"
        "grant_default_workspace_access = true\n"
    )
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(config)
    os.execvp("mlflow", ["mlflow", "server", "--app-name", "basic-auth", *sys.argv[1:]])


if __name__ == "__main__":
    main()
