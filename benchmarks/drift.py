"""False alarms and power of the drift tests, by simulation.

python -m benchmarks.drift                 200 model-years and 200 windows of each shift, about 10 minutes
python -m benchmarks.drift --years 20      a smaller one, as tests/monitoring/test_drift.py runs it

A model-year is 52 weekly windows of 20 features that do not change, against one reference; it has a false alarm if any column
of any window is said to have drifted. A shift is one of the 20 features moved by so many standard deviations, or missing.
"""

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy import stats

from nivesh.monitoring.drift import WINDOWS_PER_YEAR, compare

FEATURES, REFERENCE_ROWS = 20, 5_000


def sample(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """Rows of 20 features: normal, heavy-tailed, counts with ties, sparse, and categories with a long tail."""
    columns: dict[str, np.ndarray] = {f"normal_{n}": rng.normal(size=rows) for n in range(8)}
    columns |= {f"amount_{n}": rng.lognormal(8, 1.2, rows) for n in range(4)}
    columns |= {f"count_{n}": rng.poisson(2, rows) for n in range(3)}
    weights = 1 / np.arange(1, 41)
    columns |= {f"category_{n}": rng.choice(40, rows, p=weights / weights.sum()).astype(str) for n in range(3)}
    frame = pd.DataFrame(columns)
    for n in range(2):
        frame[f"sparse_{n}"] = np.where(rng.random(rows) < 0.3, np.nan, rng.exponential(size=rows))
    return frame


def false_alarm_years(rows: int, years: int, seed: int) -> int:
    """Of so many model-years with windows of so many rows, those with an alarm."""
    alarms = 0
    for year in range(years):
        rng = np.random.default_rng([seed, rows, year])
        reference = sample(rng, REFERENCE_ROWS)
        alarms += any(compare(reference, sample(rng, rows))[0].drifted for _ in range(WINDOWS_PER_YEAR))
    return alarms


def detected(shift: float, rows: int, windows: int, seed: int) -> int:
    """Of so many windows with one feature shifted by so many standard deviations, those that name it."""
    found = 0
    for reference, current in _shifted(shift, rows, windows, seed):
        first = compare(reference, current)[0]
        found += first.drifted and first.column == "normal_0"
    return found


def detected_missing(share: float, rows: int, windows: int, seed: int) -> int:
    """Of so many windows with a share of one feature missing, those that name it."""
    found = 0
    for reference, current in _shifted(0.0, rows, windows, seed):
        current["normal_0"] = current["normal_0"].where(np.arange(rows) >= share * rows)
        first = compare(reference, current)[0]
        found += first.drifted and first.column == "normal_0" and first.direction == "missing"
    return found


def _shifted(shift: float, rows: int, windows: int, seed: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    for window in range(windows):
        rng = np.random.default_rng([seed, rows, window])
        reference, current = sample(rng, REFERENCE_ROWS), sample(rng, rows)
        current["normal_0"] += shift
        yield reference, current


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=200, help="model-years, and windows of each shift")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    options = parser.parse_args()
    table = Table(title=f"{FEATURES} features, reference of {REFERENCE_ROWS:,} rows", title_justify="left")
    for column in ("case", "rows a week", "found", "of", "share", "95 % interval"):
        table.add_column(column, justify="left" if column == "case" else "right")

    def add(case: str, rows: int, found: int) -> None:
        interval = stats.binomtest(found, options.years).proportion_ci()
        bounds = f"{interval.low:.1%} to {interval.high:.1%}"
        table.add_row(case, str(rows), str(found), str(options.years), f"{found / options.years:.1%}", bounds)

    for rows in (50, 300, 1000, 5000):
        add("no drift: years with an alarm", rows, false_alarm_years(rows, options.years, options.seed))
    for shift, rows in ((0.5, 300), (0.25, 1000), (0.25, 300)):
        add(f"one feature moved by {shift} sd", rows, detected(shift, rows, options.years, options.seed))
    for share, rows in ((0.6, 50), (1.0, 50)):
        add(f"one feature {share:.0%} missing", rows, detected_missing(share, rows, options.years, options.seed))
    Console().print(table)


if __name__ == "__main__":
    main()
