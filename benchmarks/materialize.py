"""How long it takes, and how much memory, to load a snapshot of many users' features into Redis.

python -m benchmarks.materialize                  100,000 users x 30 features, a home and a Redis of its own
"""

import argparse
import os
import resource
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nivesh.features import feature_views
from nivesh.store import loading, online_store, snapshots

MAX_USERS, VIEWS, GROUP = 1_000_000, 3, "scale"


def define(features: int) -> None:
    """Define a group of so many numbers in ``VIEWS`` views."""
    names = [f"scale_{number}" for number in range(features)]
    parts = np.array_split(names, VIEWS)
    made = (
        feature_views.View(f"scale_{number}", GROUP, "", dict.fromkeys(part.tolist(), feature_views.FLOAT))
        for number, part in enumerate(parts)
    )
    feature_views.VIEWS = (*feature_views.VIEWS, *made)


def write(users: int, event_time: datetime) -> None:
    """Write a snapshot of random numbers."""
    draw = np.random.default_rng(0)
    columns = {
        "user_id": pa.array([f"user_{number}" for number in range(users)]),
        "event_timestamp": pa.array([event_time] * users, pa.timestamp("us", "UTC")),
        **{name: pa.array(draw.random(users)) for name in feature_views.feature_names(GROUP)},
        feature_views.CATCH_ALL: pa.nulls(users, pa.string()),
    }
    folder = snapshots.folder() / GROUP
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / f"{event_time:{snapshots.FILE_NAME}}.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000, help=f"at most {MAX_USERS:,}")
    parser.add_argument("--features", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nivesh-bench-") as home:
        os.environ["NIVESH_HOME"] = home
        os.environ.pop("NIVESH_REDIS_URL", None)
        _load(min(options.users, MAX_USERS), options.features)


def _load(users: int, features: int) -> None:
    now = datetime.now(UTC)
    define(features)
    write(users, now)
    online_store.count(GROUP)  # starts Redis
    before = _memory()
    with _Peak() as peak:
        started = time.perf_counter()
        written = loading.load(GROUP, now, now, now)
        seconds = time.perf_counter() - started
    last = online_store.get_features(f"user_{users - 1}", GROUP)
    assert written == users and last and len(last) == features, "the last user is missing"
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{users:,} users x {features} features in {seconds:.1f} s: {users / seconds:,.0f} users/s, "
        f"{users * features / seconds:,.0f} values/s, {seconds / users * 1e6 / 60:.1f} minutes per million users"
    )
    print(f"memory: {before:,.0f} MB before, at most {peak.megabytes:,.0f} MB; CPU {cpu.ru_utime + cpu.ru_stime:.0f} s")
    online_store.close()


def _memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


class _Peak:
    """The most memory that this process used while it was open."""

    def __enter__(self) -> "_Peak":
        self.megabytes, self._over = _memory(), threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.megabytes = max(self.megabytes, _memory())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watcher.join()


if __name__ == "__main__":
    main()
