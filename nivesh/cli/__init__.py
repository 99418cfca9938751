"""The command line: one file per verb, found by its name. ``nivesh --help`` shows them all."""

import importlib
import pkgutil
import sys

import typer
from rich.console import Console

from nivesh.errors import NiveshError

# Eighty columns, what rich takes where there is no terminal, would break tables and paths in log files.
WIDTH = None if sys.stdout.isatty() else 140
out, err = Console(width=WIDTH), Console(stderr=True)


def application() -> typer.Typer:
    """All verbs as one typer application. A verb's file holds a function of its name, or ``app`` with verbs of its own."""
    app = typer.Typer(
        name="nivesh",
        help="The whole life of a financial assistant's models: data to prediction, on a laptop or on Kubernetes.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in sorted(name for _, name, _ in pkgutil.iter_modules(__path__) if not name.startswith("_")):
        module = importlib.import_module(f"nivesh.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        elif hasattr(module, name):
            settings = getattr(module, "CONTEXT", None)
            app.command(name, context_settings=settings)(getattr(module, name))
    return app


def ready() -> list[str]:
    """Keys of the models whose settings are there; tells of each other one in a line."""
    from nivesh import models

    found = []
    for key in models.keys():
        if missing := models.get(key).unset_settings():
            err.print(f"[yellow]without {key}[/]: {', '.join(missing)} not set", highlight=False)
        else:
            found.append(key)
    return found


def main() -> None:
    """Entry point of the ``nivesh`` command: an error that a user can mend is one clear line and exit code 1."""
    try:
        application()()
    except NiveshError as error:
        err.print(f"[bold red]error:[/] {type(error).__name__}: ", end="")
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
