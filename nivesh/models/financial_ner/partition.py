"""Held-out texts whose near-duplicates are held out too."""

import re

import numpy as np
import pandas as pd

from nivesh.errors import DataError
from nivesh.spec import Split

TEST_SHARE = 0.15
SAME = 0.6  # share of common words (Jaccard) from which two texts count as versions of one
FEWEST = 20


def groups(texts: list[str]) -> np.ndarray:
    """A group number per text; texts that say nearly the same, or differ only in numbers, share one."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components
    from sklearn.feature_extraction.text import CountVectorizer

    masked = [re.sub(r"\d+", "0", text.casefold()) for text in texts]
    words = CountVectorizer(token_pattern=r"[^\W_]+|₹", binary=True, dtype=np.float32)
    try:
        rows = words.fit_transform(masked)
    except ValueError:  # no text has a word
        return np.arange(len(texts))
    common = (rows @ rows.T).tocoo()
    size = np.asarray(rows.sum(axis=1)).ravel()
    jaccard = common.data / (size[common.row] + size[common.col] - common.data)
    near = jaccard >= SAME
    graph = csr_matrix((np.ones(near.sum()), (common.row[near], common.col[near])), shape=common.shape)
    return connected_components(graph, directed=False)[1]


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out 15 % of the texts, whole groups of near-duplicates at a time.

    Raises:
        DataError: fewer than 20 texts.
    """
    if len(frame) < FEWEST:
        raise DataError(f"{len(frame)} texts are too few to hold some out; give at least {FEWEST}")
    group = groups(frame["text"].tolist())
    order = np.random.default_rng(seed).permutation(group.max() + 1)
    sizes = np.bincount(group)[order]
    held = order[np.cumsum(sizes) <= max(1, round(TEST_SHARE * len(frame)))]
    test = np.isin(group, held)
    why = f"random groups of near-duplicates (words in common at least {SAME:.0%}, numbers masked), seed {seed}"
    return Split(frame[~test].reset_index(drop=True), frame[test].reset_index(drop=True), why)
