"""How long work shows itself: one bar that tells what is being done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from nivesh.cli import err


def bars() -> Progress:
    """Rich bars on stderr, so that the output of a command can be piped."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[name]:<19}"),
        BarColumn(24),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=err,
    )


@contextmanager
def bar(name: str = "") -> Iterator[Callable[[float, str], None]]:
    """One bar; gives the function that moves it: (finished fraction, what is being done)."""
    with bars() as progress:
        task = progress.add_task("", total=1.0, name=name)
        yield lambda fraction, text: progress.update(task, completed=fraction, description=text)
