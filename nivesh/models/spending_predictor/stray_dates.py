"""Rows whose dates were misread."""

import pandas as pd

# Rows that lie apart from all others and are fewer than this are misread dates.
STRAY_FRACTION = 0.005
STRAY_GAP = 2  # empty months


def without_stray_dates(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without the few that lie months apart from all others, such as those of 1970 or 2099.

    One misread year would otherwise move the end of all users' histories.
    """
    month = rows["timestamp"].dt.year * 12 + rows["timestamp"].dt.month
    counts = month.value_counts().sort_index()
    block = (counts.index.to_series().diff() > STRAY_GAP).cumsum()
    sizes = counts.groupby(block).sum()
    stray = sizes.index[(sizes < STRAY_FRACTION * len(rows)) & (sizes < sizes.max())]
    return rows[~month.map(block).isin(stray)] if len(stray) else rows
