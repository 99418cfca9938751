"""Reads of online features: through our call, through Feast's own client, and bare from Redis, on the same data.

python -m benchmarks.features                     2,000 reads each, a home and a Redis of its own
python -m benchmarks.features --users 1000 --reads 5000

The three take turns within one run, so that what else the machine does falls on all of them alike.
"""

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

MAX_READS = 50_000


def filled_store(users: int) -> tuple[Any, list[str]]:
    """A Feast store with the three groups of so many users, copies of the sample's, and the user ids."""
    from nivesh import data
    from nivesh.features.groups import COMPUTE
    from nivesh.store import feast_store, online_store

    rows = data.read("transactions")
    rows = rows[rows["user_id"].isin(sorted(rows["user_id"].unique())[:10])]
    names = [f"user_{number}" for number in range(users)]
    for group, compute in COMPUTE.items():
        computed = list(compute(rows).values())
        batch = {name: computed[number % len(computed)] for number, name in enumerate(names)}
        online_store.save_batch_features(batch, ttl=None, group=group)
    return feast_store.open_store(), names


def readers(store: Any, key: str) -> dict[str, Callable[[list[str]], object]]:
    """Three ways to read the features that complete a model's requests."""
    from nivesh import models
    from nivesh.store import online_store, redis_client, storage_format

    group = models.get(key).spec.user_features
    fields, client = storage_format.layout(group).fields, redis_client.client()
    service = store.get_feature_service(key)

    def bare(users: list[str]):
        if len(users) == 1:
            return client.hmget(storage_format.key(users[0]), fields)
        with client.pipeline(transaction=False) as pipe:
            for user in users:
                pipe.hmget(storage_format.key(user), fields)
            return pipe.execute()

    return {
        "bare Redis HMGET": bare,
        "nivesh.store": lambda users: online_store.get_batch_features(users, group),
        "Feast get_online_features": lambda users: store.get_online_features(
            service, [{"user_id": user} for user in users]
        ).to_dict(),
    }


def measure(
    reads: dict[str, Callable[[list[str]], object]], names: list[str], size: int, times: int
) -> dict[str, np.ndarray]:
    """Milliseconds of each of ``times`` reads of ``size`` users drawn at random, by reader."""
    draw = np.random.default_rng(0)
    took: dict[str, list[float]] = {name: [] for name in reads}
    for turn in range(times + 20):
        users = [names[place] for place in draw.integers(0, len(names), size)]
        for name, read in reads.items():
            started = time.perf_counter()
            read(users)
            if turn >= 20:  # the first ones connect and fill caches
                took[name].append((time.perf_counter() - started) * 1000)
    return {name: np.array(values) for name, values in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=500, help="users in the store")
    parser.add_argument("--reads", type=int, default=2000, help=f"of one user, at most {MAX_READS}; a tenth of 50")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nivesh-bench-") as folder:
        os.environ["NIVESH_HOME"] = str(Path(folder))
        store, names = filled_store(options.users)
        gc.collect()
        gc.freeze()  # as nivesh.serving.server does: a pause of the collector is no read
        for key in ("credit_risk", "anomaly_detector"):
            table = Table("users", "reader", "p50 ms", "p99 ms", "p99 / bare", title=f"features of {key}")
            for size, times in ((1, min(options.reads, MAX_READS)), (50, min(options.reads, MAX_READS) // 10)):
                took = measure(readers(store, key), names, size, times)
                bare = np.percentile(took["bare Redis HMGET"], 99)
                for name, values in took.items():
                    p50, p99 = np.percentile(values, (50, 99))
                    table.add_row(str(size), name, f"{p50:.3f}", f"{p99:.3f}", f"{p99 / bare:.2f}")
                table.add_section()
            Console(width=100).print(table)
        from nivesh.store import online_store

        online_store.close()


if __name__ == "__main__":
    main()
