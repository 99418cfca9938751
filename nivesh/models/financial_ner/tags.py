"""BILOU tags of tokens: which sequences are allowed, and the best allowed one for given scores."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FORBIDDEN = -1e4  # the score of a transition that is not allowed
Transitions = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]  # (start, step, end), see viterbi


def tag_names(labels: Sequence[str]) -> tuple[str, ...]:
    """O, and B-, I-, L- and U- of each label."""
    return ("O", *(f"{part}-{label}" for label in labels for part in "BILU"))


def allowed(tags: Sequence[str]) -> Transitions:
    """Which tag may begin a text, follow another (row -> column) and end a text: 0 or ``FORBIDDEN``."""

    def opens(tag: str) -> bool:  # the entity continues after this tag
        return tag[0] in "BI"

    def continues(tag: str) -> bool:  # the entity began before this tag
        return tag[0] in "IL"

    start = np.array([FORBIDDEN if continues(tag) else 0.0 for tag in tags], dtype=np.float32)
    end = np.array([FORBIDDEN if opens(tag) else 0.0 for tag in tags], dtype=np.float32)
    step = np.zeros((len(tags), len(tags)), dtype=np.float32)
    for i, left in enumerate(tags):
        for j, right in enumerate(tags):
            fits = continues(right) and left[2:] == right[2:] if opens(left) else not continues(right)
            step[i, j] = 0.0 if fits else FORBIDDEN
    return start, step, end


def viterbi(scores: np.ndarray, start: np.ndarray, step: np.ndarray, end: np.ndarray) -> NDArray[np.int64]:
    """The best sequence of tags.

    Args:
        scores: of each tag for each token, shape (tokens, tags); at least one token.
        start: added to the first token's scores, shape (tags,).
        step: added for each tag (row) followed by another (column), shape (tags, tags).
        end: added to the last token's scores, shape (tags,).

    Returns:
        Numbers of tags, shape (tokens,).
    """
    best = scores[0] + start
    back = np.zeros(scores.shape, dtype=np.int64)
    for at in range(1, len(scores)):
        paths = best[:, None] + step
        back[at] = paths.argmax(axis=0)
        best = paths.max(axis=0) + scores[at]
    path = np.zeros(len(scores), dtype=np.int64)
    path[-1] = (best + end).argmax()
    for at in range(len(scores) - 1, 0, -1):
        path[at - 1] = back[at, path[at]]
    return path
