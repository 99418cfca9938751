"""Keeping texts that say nearly the same on one side of a division."""

import unicodedata

import numpy as np
import pandas as pd

GRAM = 3  # characters; short enough that a typo changes few of a text's grams
SIMILAR = 0.6  # Jaccard; from here on two texts are one wording with another amount, name or spelling
BLOCK = 1_000  # rows compared at once: bounds memory, not the result


def normalised(text: str) -> str:
    """Lower case, every digit as 0, and single spaces in place of all else but letters, marks and numbers."""
    kept = (
        "0" if c.isdigit() else c if unicodedata.category(c)[0] in "LMN" else " "
        for c in unicodedata.normalize("NFKC", text).casefold()
    )
    return " ".join("".join(kept).split())


def groups(texts: list[str]) -> np.ndarray:
    """A group number for each text; texts joined by a chain of near-duplicates share one. Shape (texts,)."""
    if not texts:
        return np.empty(0, int)
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(analyzer="char_wb", ngram_range=(GRAM, GRAM), binary=True, dtype=np.float32)
    grams = counter.fit_transform([normalised(text) or "-" for text in texts])
    sizes = np.asarray(grams.sum(axis=1)).ravel()
    left, right = [], []
    for start in range(0, len(texts), BLOCK):
        shared = (grams[start : start + BLOCK] @ grams.T).tocoo()
        a, b = shared.row + start, shared.col
        near = shared.data >= SIMILAR * (sizes[a] + sizes[b] - shared.data)
        left.append(a[near])
        right.append(b[near])
    a, b = np.concatenate(left), np.concatenate(right)
    graph = coo_matrix((np.ones(len(a), bool), (a, b)), shape=(len(texts), len(texts)))
    return connected_components(graph, directed=False)[1]


def held_out(frame: pd.DataFrame, share: float, seed: int) -> np.ndarray:
    """Which rows to hold out: about ``share`` of each intent, in whole groups of near-duplicates. Bool, (rows,)."""
    group = groups(frame["text"].tolist())
    intent = frame["intent"].to_numpy()
    members = pd.Series(np.arange(len(frame))).groupby(group).apply(np.array).tolist()
    np.random.default_rng(seed).shuffle(members)
    wanted = {
        name: max(1, round(share * count)) for name, count in zip(*np.unique(intent, return_counts=True), strict=True)
    }
    mask = np.zeros(len(frame), bool)
    for rows in members:
        if all(wanted[name] >= count for name, count in zip(*np.unique(intent[rows], return_counts=True), strict=True)):
            mask[rows] = True
            for name in intent[rows]:
                wanted[name] -= 1
    return mask
