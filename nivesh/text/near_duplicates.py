"""Texts that say nearly the same: grouped, so that a split keeps them on one side."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from nivesh.errors import DataError
from nivesh.text.cleaning import clean

GRAM = 3  # characters; short enough that a typo changes few of a text's grams
SIMILAR = 0.6  # Jaccard similarity from which two texts are one wording with another amount, name or spelling
BLOCK = 1_000  # rows compared at once: bounds memory, not the result


def normalised(text: str) -> str:
    """The clean text in lower case, all digits as 0, and single spaces in place of all but letters, marks and numbers."""
    kept = (
        "0" if c.isdigit() else c if unicodedata.category(c)[0] in "LMN" else " "
        for c in unicodedata.normalize("NFKC", clean(text)).casefold()
    )
    return " ".join("".join(kept).split())


def groups(*columns: Sequence[str]) -> np.ndarray:
    """Number the groups of near-duplicates.

    Args:
        columns: texts of the same rows. Rows that are near-duplicates in any column share a group, and so do rows that
            a chain of near-duplicates joins.

    Returns:
        The group of each row, int, shape (rows,).
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows = len(columns[0])
    if not rows:
        return np.empty(0, int)
    left, right = np.concatenate([_similar_pairs(texts) for texts in columns], axis=1)
    graph = coo_matrix((np.ones(len(left), bool), (left, right)), shape=(rows, rows))
    return connected_components(graph, directed=False)[1]


def held_out(*columns: Sequence[str], share: float, seed: int, strata: Sequence | None = None) -> np.ndarray:
    """Choose rows to hold out, in whole groups of near-duplicates.

    Args:
        columns: texts of the rows, as of ``groups``.
        share: of each stratum's rows, 0 to 1; at least one row of each.
        seed: draws the groups.
        strata: a label for each row; each label is held out in proportion. One stratum where it is None.

    Returns:
        Whether each row is held out, bool, shape (rows,).

    Raises:
        DataError: no group is small enough to be held out, or nothing would be left to train on.
    """
    group = groups(*columns)
    stratum = np.unique(np.zeros(len(group)) if strata is None else np.asarray(strata), return_inverse=True)[1]
    room = np.maximum(1, np.round(share * np.bincount(stratum))).astype(int) if len(stratum) else np.empty(0, int)
    mask = np.zeros(len(group), bool)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    for i in np.random.default_rng(seed).permutation(len(members)):
        counts = np.bincount(stratum[members[i]], minlength=len(room))
        if (counts <= room).all():
            mask[members[i]] = True
            room -= counts
    if not mask.any() or mask.all():
        raise DataError(
            f"{len(group)} texts cannot be split: they are too few, or nearly all the same but for amounts, names and "
            "spelling; write at least 7 different texts of each label"
        )
    return mask


def _similar_pairs(texts: Sequence[str]) -> np.ndarray:
    """Rows of near-duplicates, int, shape (2, pairs); each row is also a pair with itself."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(analyzer="char_wb", ngram_range=(GRAM, GRAM), binary=True, dtype=np.float32)
    grams = counter.fit_transform([normalised(text) or "-" for text in texts])
    sizes = np.asarray(grams.sum(axis=1)).ravel()
    pairs = []
    for start in range(0, len(texts), BLOCK):
        shared = (grams[start : start + BLOCK] @ grams.T).tocoo()
        left, right = shared.row + start, shared.col
        near = shared.data >= SIMILAR * (sizes[left] + sizes[right] - shared.data)
        pairs.append(np.stack([left[near], right[near]]))
    return np.concatenate(pairs, axis=1)
