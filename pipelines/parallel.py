"""Several pipelines at once on one machine, each in a process of its own: kfp.local runs one at a time in a process."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from queue import Empty
from typing import Any

from nivesh.settings import cpu_count
from pipelines.local import Result, run

Progress = Callable[[str, str, float, str], None]  # the model's key, the step, the finished fraction of it, a text


def run_all(keys: Sequence[str], arguments: dict[str, Any], progress: Progress) -> dict[str, Result | Exception]:
    """Run the training pipelines of several models, as many at once as there are CPUs.

    Args:
        arguments: the parameters of each pipeline.
        progress: is told of each step, from this process.

    Returns:
        The result of each model in the order of ``keys``, or the error that ended its pipeline.
    """
    cpus = cpu_count()
    workers = min(cpus, len(keys))
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(workers, spawn, _share, (cpus // workers,)) as processes:
        events = manager.Queue()
        futures = {key: processes.submit(_run, key, arguments, events) for key in keys}
        while not all(future.done() for future in futures.values()):
            _tell(events, progress, timeout=0.2)
        _tell(events, progress, timeout=0)
        return {key: future.exception() or future.result() for key, future in futures.items()}


def _share(threads: int) -> None:
    """Each worker's part of the machine; the steps that it starts inherit it."""
    for name in ("OMP_NUM_THREADS", "NIVESH_THREADS"):
        os.environ[name] = str(threads)


def _run(key: str, arguments: dict[str, Any], events) -> Result:
    return run(key, arguments, lambda *event: events.put((key, *event)))


def _tell(events, progress: Progress, timeout: float) -> None:
    try:
        while True:
            progress(*events.get(timeout=timeout) if timeout else events.get_nowait())
    except Empty:
        pass
