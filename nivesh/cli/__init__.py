"""The command line: one file per verb, found by its name. ``nivesh --help`` shows them all."""

import errno
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


# A home or an output that is read-only, of another user, or on a full disk: nothing that a traceback would explain.
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


def ready() -> list[str]:
    """Keys of the models whose settings are complete; prints a line for each other model."""
    from nivesh import models

    found = []
    for key in models.keys():
        if missing := models.get(key).unset_settings():
            err.print(f"[yellow]without {key}[/]: {', '.join(missing)} not set", highlight=False)
        else:
            found.append(key)
    return found


def main() -> None:
    """Entry point of the ``nivesh`` command: errors of users and of MLflow are one line and exit code 1."""
    try:
        application()()
    except NiveshError as error:
        _fail(type(error).__name__, str(error))
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        _fail("SettingsError", f"{error.filename or 'a file'}: cannot be written or read ({error.strerror})")
    except Exception as error:
        if not type(error).__module__.startswith("mlflow."):  # importing MLflow's class would cost a second
            raise
        from nivesh.settings import settings

        _fail("RegistryError", f"MLflow at {settings().mlflow_uri}: {str(error).partition(chr(10))[0]}")


def _fail(name: str, message: str) -> None:
    err.print(f"[bold red]error:[/] {name}: ", end="")
    err.print(message, markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
