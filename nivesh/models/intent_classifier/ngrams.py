"""A linear classifier of word and character n-grams: the baseline, and the half of the ensemble that reads spelling.

Serving needs numpy and a dictionary only, so that no pickled vectoriser is loaded.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nivesh.text.near_duplicates import normalised

WORDS = (1, 2)  # words in a gram
CHARACTERS = (2, 5)  # characters in a gram, also across words: endings and small words carry the intent
CHARACTER = "#"  # begins grams of characters; normalised texts have none
RARE = 2  # a gram of fewer training texts does not generalise
STRENGTH = 10.0  # inverse of the L2 penalty


@dataclass(frozen=True)
class Ngrams:
    """Weights of the linear classifier.

    Attributes:
        vocabulary: row of ``weights`` by gram.
        idf: inverse document frequency by row, float32, (grams,).
        weights: float32, (grams, classes).
        bias: float32, (classes,).
    """

    vocabulary: dict[str, int]
    idf: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def logits(self, texts: list[str]) -> np.ndarray:
        """Unnormalised log-probabilities of each class. Shape (texts, classes)."""
        out = np.tile(self.bias, (len(texts), 1))
        for row, text in enumerate(texts):
            occurring = [gram for gram in grams(text) if gram in self.vocabulary]
            for of_characters in (False, True):
                known = [self.vocabulary[gram] for gram in occurring if gram.startswith(CHARACTER) is of_characters]
                if known:
                    columns, counts = np.unique(known, return_counts=True)
                    values = (1 + np.log(counts, dtype=np.float32)) * self.idf[columns]
                    out[row] += (values / np.linalg.norm(values)) @ self.weights[columns]
        return out

    def save(self, folder: Path) -> None:
        """Write ngrams.json (the grams in the order of their rows) and ngrams.npz."""
        listed = sorted(self.vocabulary, key=lambda gram: self.vocabulary[gram])
        (folder / "ngrams.json").write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")
        np.savez(folder / "ngrams.npz", idf=self.idf, weights=self.weights, bias=self.bias)

    @classmethod
    def load(cls, folder: Path) -> "Ngrams":
        """The classifier that ``save`` wrote."""
        listed = json.loads((folder / "ngrams.json").read_text(encoding="utf-8"))
        with np.load(folder / "ngrams.npz", allow_pickle=False) as arrays:
            return cls({gram: row for row, gram in enumerate(listed)}, **{name: arrays[name] for name in arrays})


def grams(text: str) -> list[str]:
    """All grams of a text, repeated as often as they occur; grams of characters begin with "#"."""
    words = normalised(text).split()
    found = [" ".join(words[i : i + n]) for n in range(WORDS[0], WORDS[1] + 1) for i in range(len(words) - n + 1)]
    line = f" {' '.join(words)} " if words else ""
    for n in range(CHARACTERS[0], CHARACTERS[1] + 1):
        found += [CHARACTER + line[i : i + n] for i in range(len(line) - n + 1)]
    return found


def fit_ngrams(texts: list[str], labels: np.ndarray, classes: int, seed: int) -> Ngrams:
    """Learn the linear classifier; ``labels`` are class numbers below ``classes``, each of which occurs."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import normalize

    rare = min(RARE, len(texts))
    vectoriser = TfidfVectorizer(analyzer=grams, min_df=rare, sublinear_tf=True, norm=None, dtype=np.float32)
    counted = vectoriser.fit_transform(texts).tocsc()
    of_characters = np.char.startswith(vectoriser.get_feature_names_out().astype(str), CHARACTER)
    # each kind gets length 1 of its own, or the many grams of characters drown the words
    features = hstack([normalize(counted[:, ~of_characters]), normalize(counted[:, of_characters])]).tocsr()
    rows = np.concatenate([np.flatnonzero(~of_characters), np.flatnonzero(of_characters)])
    linear = LogisticRegression(C=STRENGTH, solver="newton-cg", tol=1e-3, random_state=seed).fit(features, labels)
    weights, bias = linear.coef_.T, linear.intercept_
    if classes == 2:  # scikit-learn keeps one column for two classes
        weights, bias = np.hstack([-weights / 2, weights / 2]), np.hstack([-bias / 2, bias / 2])
    names = vectoriser.get_feature_names_out()
    vocabulary = {str(names[row]): number for number, row in enumerate(rows)}
    return Ngrams(
        vocabulary, vectoriser.idf_[rows].astype(np.float32), weights.astype(np.float32), bias.astype(np.float32)
    )
