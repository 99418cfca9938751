from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from nivesh.cli import out


class Kind(StrEnum):
    transactions = "transactions"
    loans = "loans"


def simulate(
    kind: Annotated[Kind, Argument(help="kind of data")],
    output: Annotated[Path, Option("--output", "-o", help="file to write: .csv or .parquet")],
    users: Annotated[int, Option(min=1, help="number of users (transactions)")] = 60,
    months: Annotated[int, Option(min=1, help="longest history of a user (transactions)")] = 30,
    end: Annotated[datetime, Option(formats=["%Y-%m-%d"], help="last day (transactions)")] = datetime(2025, 9, 30),
    applications: Annotated[int, Option(min=1, help="number of applications (loans)")] = 6000,
    seed: Annotated[int, Option(help="the same seed gives the same rows")] = 0,
):
    """Generate synthetic transactions of Indian households, or loan applications.

    **Examples**

    nivesh simulate transactions -o transactions.parquet --users 200 --months 24

    nivesh simulate loans -o loans.csv --applications 10000 --seed 7
    """
    from nivesh import simulate as simulators
    from nivesh.cli.progress import bar
    from nivesh.errors import SettingsError

    if output.suffix not in (".csv", ".parquet"):
        raise SettingsError(f"--output {output}: the name must end in .csv or .parquet")
    with bar(kind.value) as progress:
        if kind is Kind.transactions:
            frame = simulators.transactions(users, months, seed, end.date(), progress)
        else:
            frame = simulators.loans(applications, seed, progress)
    output.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(output, index=False) if output.suffix == ".csv" else frame.to_parquet(output, index=False)
    out.print(f"{len(frame):,} {kind.value} in {output}")
