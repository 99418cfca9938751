from pathlib import Path
from typing import Annotated

from typer import Option

from nivesh.cli import out


def materialize(
    data_path: Annotated[Path | None, Option(help="your transactions; the shipped sample without it")] = None,
):
    """Make the online features of all users from their transactions, for the server to read.

    **Examples**

    nivesh materialize

    nivesh materialize --data-path transactions.parquet
    """
    from nivesh.cli.progress import bar
    from nivesh.materialize import materialize as make

    with bar("online features") as progress:
        users = make(data_path, progress)
    for group, number in users.items():
        out.print(f"{group}: {number} users")
