"""Progress of long work: bars on a terminal, a line from time to time in a log file."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from nivesh.cli import err

LOG_SECONDS = 20


@contextmanager
def bars(names: Iterable[str]) -> Iterator[Callable[[str, float, str], None]]:
    """A bar for each name, on stderr so that a command's output can be piped.

    Yields the function that updates them: (name, finished fraction, what is being done).
    """
    if not err.is_terminal:
        yield _lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[name]:<19}"),
        BarColumn(24),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=err) as progress:
        tasks = {name: progress.add_task("pending", total=1.0, name=name) for name in names}
        yield lambda name, fraction, text: progress.update(tasks[name], completed=fraction, description=text)


@contextmanager
def bar(name: str) -> Iterator[Callable[[float, str], None]]:
    """One bar; yields the function that updates it: (finished fraction, what is being done)."""
    with bars([name]) as update:
        yield lambda fraction, text: update(name, fraction, text)


def _lines() -> Callable[[str, float, str], None]:
    """Print a line when a new step starts (the first word of the text), and every LOG_SECONDS within a long one."""
    printed: dict[str, tuple[str, float]] = {}

    def update(name: str, fraction: float, text: str) -> None:
        step, now = text.partition(" ")[0], time.monotonic()
        before, at = printed.get(name, ("", 0.0))
        if step != before or now - at > LOG_SECONDS:
            printed[name] = (step, now)
            print(f"{name}: {text} ({fraction:.0%})", file=err.file, flush=True)

    return update
