"""Several pipelines at once on one machine, each in a process of its own: kfp.local runs one at a time in a process."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from queue import Empty, Queue
from typing import Any

from nivesh.settings import cpu_count
from pipelines.local import Result, run

Progress = Callable[[str, str, float, str], None]  # the model's key, the step, the finished fraction of it, a text


def run_all(keys: Sequence[str], arguments: dict[str, Any], progress: Progress) -> dict[str, Result | Exception]:
    """Run the training pipelines of several models, as many at once as there are CPUs.

    Args:
        arguments: the parameters of each pipeline.
        progress: called for each step, in this process.

    Returns:
        The result of each model in the order of ``keys``, or the error that ended its pipeline.
    """
    cpus = cpu_count()
    workers = min(cpus, len(keys))
    spawn = multiprocessing.get_context("spawn")
    with (
        spawn.Manager() as manager,
        ProcessPoolExecutor(workers, spawn, _limit_threads, (cpus // workers,)) as processes,
    ):
        events = manager.Queue()
        futures = {key: processes.submit(_run, key, arguments, events) for key in keys}
        while not all(future.done() for future in futures.values()):
            _forward(events, progress, timeout=0.2)
        _forward(events, progress, timeout=0)
        return {key: _outcome(future) for key, future in futures.items()}


def _limit_threads(threads: int) -> None:
    """Give a worker its share of the CPUs; the steps that it starts inherit the environment."""
    for name in ("OMP_NUM_THREADS", "NIVESH_THREADS"):
        os.environ[name] = str(threads)


def _run(key: str, arguments: dict[str, Any], events: Queue[tuple[Any, ...]]) -> Result:
    return run(key, arguments, lambda *event: events.put((key, *event)))


def _outcome(future: Future[Result]) -> Result | Exception:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  the caller shows it beside the other models' results
        return error


def _forward(events: Queue[tuple[Any, ...]], progress: Progress, timeout: float) -> None:
    """Call ``progress`` for the events that are there, or that arrive within ``timeout`` seconds of each other."""
    try:
        while True:
            progress(*events.get(timeout=timeout) if timeout else events.get_nowait())
    except Empty:
        pass
