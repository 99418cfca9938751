"""Compute, show and serve users' online features."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

from typer import Argument, Option, Typer

from nivesh.cli import out
from nivesh.cli.dialects import DialectFile

app = Typer(
    no_args_is_help=True,
    help="Define, compute, show and serve users' online features (Feast on Redis).",
    rich_markup_mode="markdown",
)


@app.command()
def apply() -> None:
    """Register the definitions of feature_repo with Feast: entity, sources, views, a service for each model.

    **Example**: nivesh features apply
    """
    from rich.table import Table

    from nivesh.store import feast_store

    store = feast_store.open_store()
    table = Table("feature view", "features", "description")
    for view in sorted(store.list_feature_views(), key=lambda view: view.name):
        table.add_row(view.name, ", ".join(feature.name for feature in view.features), view.description)
    out.print(table)
    for service in store.list_feature_services():
        views = ", ".join(projection.name for projection in service.feature_view_projections)
        out.print(f"service {service.name}: {views}", highlight=False)


@app.command()
def materialize(
    data_path: Annotated[
        Path | None,
        Option(help="file of transactions; without it the shipped sample, which counts as complete up to now"),
    ] = None,
    as_of: Annotated[
        datetime | None,
        Option(
            help="event time: only transactions before it count, and the file is complete up to it; without it, the newest transaction's time"
        ),
    ] = None,
    incremental: Annotated[bool, Option(help="load only snapshots since the last load")] = False,
    dialect: DialectFile = None,
) -> None:
    """Compute the features of all users from their transactions, store them as Parquet, load them into Redis.

    **Examples**

    nivesh features materialize

    nivesh features materialize --data-path transactions.parquet --incremental

    nivesh features materialize --data-path statement.csv --dialect hdfc.yaml
    """
    from nivesh.cli.progress import bar
    from nivesh.data import dialect as dialects
    from nivesh.store.materialization import materialize as run

    with bar("online features") as progress:
        users = run(data_path, progress, as_of, incremental, dialects.load(dialect))
    for group, number in users.items():
        out.print(f"{group}: {number} users")


@app.command()
def get(
    user_id: Annotated[str, Argument(help="the user")],
    group: Annotated[str, Option(help="finances, behaviour or history")] = "finances",
) -> None:
    """Show a user's features as the servers read them, with their event time.

    **Example**: nivesh features get user_123
    """
    from rich.json import JSON

    from nivesh.errors import UserNotFound
    from nivesh.store import online_store

    stored = online_store.read([user_id], group)[user_id]
    if stored is None:
        raise UserNotFound(f"no {group} features for user {user_id!r}; make them: nivesh features materialize")
    event_time = datetime.fromtimestamp(stored.event_time).astimezone().isoformat(timespec="seconds")
    out.print(
        JSON.from_data({"user_id": user_id, "event_time": event_time, "features": stored.features}, ensure_ascii=False)
    )


@app.command()
def stream(
    name: Annotated[str, Option("--stream", help="key of the Redis stream")] = "nivesh:transactions",
    until_empty: Annotated[bool, Option(help="end when no entry is left, in place of waiting for more")] = False,
) -> None:
    """Fold the transactions of a Redis stream into the users' profiles, until stopped; run as many as you like.

    The field `transaction` of an entry is the body of POST /transactions as JSON. Entries that are refused go to the
    stream `<stream>:rejected` with the reason.

    **Example**: nivesh features stream
    """
    import signal
    import threading

    from nivesh.store import transaction_stream

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    outcomes = transaction_stream.consume(lambda empty: stopping.is_set() or (empty and until_empty), name)
    out.print(", ".join(f"{outcome}: {number}" for outcome, number in sorted(outcomes.items())) or "no entries")


@app.command()
def serve(
    host: Annotated[str, Option(help="address to listen on; 0.0.0.0 for all")] = "127.0.0.1",
    port: Annotated[int, Option(min=1, max=65535, help="port to listen on")] = 6566,
) -> None:
    """Serve the features over HTTP with Feast's own feature server, for other languages.

    It ignores the ttl of save_features and the models' maximum feature age, and its clients may also write: do not
    expose it to open networks.

    **Examples**

    nivesh features serve

    curl -s localhost:6566/get-online-features -H 'Content-Type: application/json'
    -d '{"feature_service": "credit_risk", "entities": {"user_id": ["user_123"]}}'
    """
    from nivesh.store import feast_store

    feast_store.open_store().serve(host=host, port=port)
