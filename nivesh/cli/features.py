"""Make the users' online features, look at them, serve them."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

from typer import Argument, Option, Typer

from nivesh.cli import out

app = Typer(
    no_args_is_help=True,
    help="Define, make, look at and serve the users' online features (Feast on Redis).",
    rich_markup_mode="markdown",
)


@app.command()
def apply():
    """Register the definitions of feature_repo with Feast: entity, sources, views, a service for each model.

    **Example**: nivesh features apply
    """
    from rich.table import Table

    from nivesh.store import feast_repo

    store = feast_repo.open_store()
    table = Table("feature view", "features", "about")
    for view in sorted(store.list_feature_views(), key=lambda view: view.name):
        table.add_row(view.name, ", ".join(feature.name for feature in view.features), view.description)
    out.print(table)
    for service in store.list_feature_services():
        views = ", ".join(projection.name for projection in service.feature_view_projections)
        out.print(f"service {service.name}: {views}", highlight=False)


@app.command()
def materialize(
    data_path: Annotated[Path | None, Option(help="your transactions; the shipped sample without it")] = None,
    as_of: Annotated[
        datetime | None, Option(help="the moment the features are about: only what came before it counts")
    ] = None,
    incremental: Annotated[bool, Option(help="load only what is newer than the last load")] = False,
):
    """Make the features of all users from their transactions, keep them as Parquet, load them into Redis.

    **Examples**

    nivesh features materialize

    nivesh features materialize --data-path transactions.parquet --incremental
    """
    from nivesh.cli.progress import bar
    from nivesh.store.materialization import materialize as make

    with bar("online features") as progress:
        users = make(data_path, progress, as_of, incremental)
    for group, number in users.items():
        out.print(f"{group}: {number} users")


@app.command()
def get(
    user_id: Annotated[str, Argument(help="the user")],
    group: Annotated[str, Option(help="finances, behaviour or history")] = "finances",
):
    """Show a user's features as the servers read them, and the moment that they are about.

    **Example**: nivesh features get user_123
    """
    from rich.json import JSON

    from nivesh.errors import UserNotFound
    from nivesh.store import online_store

    stored = online_store.read([user_id], group)[user_id]
    if stored is None:
        raise UserNotFound(f"no {group} features for user {user_id!r}; make them: nivesh features materialize")
    moment = datetime.fromtimestamp(stored.moment).astimezone().isoformat(timespec="seconds")
    out.print(JSON.from_data({"user_id": user_id, "moment": moment, "features": stored.features}, ensure_ascii=False))


@app.command()
def serve(
    host: Annotated[str, Option(help="address to listen on; 0.0.0.0 for all")] = "127.0.0.1",
    port: Annotated[int, Option(min=1, max=65535, help="port to listen on")] = 6566,
):
    """Serve the features over HTTP with Feast's own feature server, for other languages.

    It knows neither the ttl of save_features nor the age that a model takes, and whoever reaches it may also write:
    keep it off open networks.

    **Examples**

    nivesh features serve

    curl -s localhost:6566/get-online-features -H 'Content-Type: application/json'
    -d '{"feature_service": "credit_risk", "entities": {"user_id": ["user_123"]}}'
    """
    from nivesh.store import feast_repo

    feast_repo.open_store().serve(host=host, port=port)
