"""How long it takes, and how much memory, to load the features of many users into Redis through Feast.

python -m benchmarks.materialize                  100,000 users x 30 features, a home and a Redis of its own
"""

import argparse
import os
import resource
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nivesh.store import snapshots

MOST_USERS, VIEWS = 1_000_000, 3


def write(folder: Path, users: int, features: int, moment: datetime) -> list[str]:
    """Parquet sources of random numbers, in ``VIEWS`` views; returns the names of the views."""
    draw = np.random.default_rng(0)
    names = [f"scale_{number}" for number in range(VIEWS)]
    for name in names:
        columns = {
            "user_id": pa.array([f"user_{number}" for number in range(users)]),
            "event_timestamp": pa.array([moment] * users, pa.timestamp("us", "UTC")),
            **{f"{name}_{number}": draw.random(users) for number in range(features // VIEWS)},
        }
        (folder / name).mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / name / f"{moment:{snapshots.NAME}}.parquet")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000, help=f"at most {MOST_USERS:,}")
    parser.add_argument("--features", type=int, default=30)
    options = parser.parse_args()
    users = min(options.users, MOST_USERS)
    with tempfile.TemporaryDirectory(prefix="nivesh-bench-") as home:
        os.environ["NIVESH_HOME"] = home
        _load(users, options.features)


def _load(users: int, features: int) -> None:
    from feast import FeatureView, Field
    from feast.infra.offline_stores.file_source import FileSource
    from feast.types import Float64, String

    from feature_repo.definitions import user
    from nivesh.store import feast_repo, online_store

    moment = datetime.now(UTC)
    store = feast_repo.open_store()
    names = write(snapshots.folder(), users, features, moment)
    for name in names:
        fields = [Field(name=f"{name}_{number}", dtype=Float64) for number in range(features // VIEWS)]
        source = FileSource(
            name=f"{name}_files", path=str(snapshots.folder() / name), timestamp_field="event_timestamp"
        )
        schema = [Field(name="user_id", dtype=String), *fields]
        store.apply(FeatureView(name=name, entities=[user], ttl=timedelta(days=1), schema=schema, source=source))
    before = _memory()
    with _Peak() as peak:
        started = time.perf_counter()
        feast_repo.materialize(store, moment - timedelta(hours=1), moment + timedelta(seconds=1))
        seconds = time.perf_counter() - started
    first = f"{names[0]}_0"
    (read,) = store.get_online_features([f"{names[0]}:{first}"], [{"user_id": f"user_{users - 1}"}]).to_dict()[first]
    assert read is not None, "the last user is not there"
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{users:,} users x {features} features in {seconds:.1f} s: {users / seconds:,.0f} users/s, "
        f"{users * features / seconds:,.0f} values/s, {seconds / users * 1e6 / 60:.1f} minutes a million users"
    )
    print(f"memory: {before:,.0f} MB before, at most {peak.megabytes:,.0f} MB; CPU {cpu.ru_utime + cpu.ru_stime:.0f} s")
    online_store.close()


def _memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


class _Peak:
    """The most memory that this process had while it was open."""

    def __enter__(self):
        self.megabytes, self._over = _memory(), threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.megabytes = max(self.megabytes, _memory())

    def __exit__(self, *_):
        self._over.set()
        self._watcher.join()


if __name__ == "__main__":
    main()
