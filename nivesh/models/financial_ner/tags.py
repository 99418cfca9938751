"""BILOU tags: spans <-> one tag per token, and the best allowed sequence of tags for given scores."""

import numpy as np

from nivesh.data.texts import ENTITY_LABELS

TAGS = ("O", *(f"{part}-{label}" for label in ENTITY_LABELS for part in "BILU"))
INDEX = {tag: i for i, tag in enumerate(TAGS)}
NEVER = -1e4


def allowed() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which tag may begin a text, follow another (row -> column) and end a text: 0 or ``NEVER``."""

    def opens(tag: str) -> bool:  # the entity goes on after this tag
        return tag[0] in "BI"

    def goes_on(tag: str) -> bool:  # the entity began before this tag
        return tag[0] in "IL"

    start = np.array([NEVER if goes_on(tag) else 0.0 for tag in TAGS], dtype=np.float32)
    end = np.array([NEVER if opens(tag) else 0.0 for tag in TAGS], dtype=np.float32)
    step = np.zeros((len(TAGS), len(TAGS)), dtype=np.float32)
    for i, left in enumerate(TAGS):
        for j, right in enumerate(TAGS):
            fits = goes_on(right) and left[2:] == right[2:] if opens(left) else not goes_on(right)
            step[i, j] = 0.0 if fits else NEVER
    return start, step, end


def encode(spans: list[tuple[int, int, str]], length: int) -> np.ndarray:
    """Spans of tokens (start, end exclusive, label) -> int64 tags of shape (length,)."""
    tags = np.zeros(length, dtype=np.int64)
    for start, end, label in spans:
        if end - start == 1:
            tags[start] = INDEX[f"U-{label}"]
            continue
        tags[start:end] = INDEX[f"I-{label}"]
        tags[start], tags[end - 1] = INDEX[f"B-{label}"], INDEX[f"L-{label}"]
    return tags


def decode(tags: np.ndarray) -> list[tuple[int, int, str]]:
    """An allowed sequence of tags -> spans of tokens."""
    spans, begun = [], 0
    for at, tag in enumerate(tags):
        part, _, label = TAGS[tag].partition("-")
        if part in "BU":
            begun = at
        if part in "LU":
            spans.append((begun, at + 1, label))
    return spans


def viterbi(scores: np.ndarray, start: np.ndarray, step: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The best sequence of tags.

    Args:
        scores: Of each tag for each token, shape (tokens, tags); at least one token.
        start: Added to the first token's scores, shape (tags,).
        step: Added for each tag (row) followed by another (column), shape (tags, tags).
        end: Added to the last token's scores, shape (tags,).

    Returns:
        int64 tags, shape (tokens,).
    """
    best = scores[0] + start
    back = np.zeros(scores.shape, dtype=np.int64)
    for at in range(1, len(scores)):
        paths = best[:, None] + step
        back[at] = paths.argmax(axis=0)
        best = paths.max(axis=0) + scores[at]
    tags = np.zeros(len(scores), dtype=np.int64)
    tags[-1] = (best + end).argmax()
    for at in range(len(scores) - 1, 0, -1):
        tags[at - 1] = back[at, tags[at]]
    return tags
