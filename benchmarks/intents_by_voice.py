"""Accuracy of the n-gram baseline by voice: on a random split, and on each voice when training has none of its texts.

Run: python -m benchmarks.intents_by_voice [FILE]. The figures stand in docs/experiments/intent_classifier.md.
"""

import sys

import numpy as np
import pandas as pd

from nivesh import data
from nivesh.data.texts import OUT_OF_SCOPE
from nivesh.models.intent_classifier.ngrams import fit_ngrams
from nivesh.models.intent_classifier.training import labels_in
from nivesh.text.near_duplicates import groups, held_out

NO_VOICE = "(not named)"


def accuracy(train: pd.DataFrame, test: pd.DataFrame) -> pd.Series:
    """Whether the n-grams, trained on the one, answer each row of the other rightly; out-of-scope rows are a class."""
    classes = [*labels_in(train), OUT_OF_SCOPE]
    labels = train["intent"].map({name: i for i, name in enumerate(classes)}).to_numpy(np.int64)
    logits = fit_ngrams(train["text"].tolist(), labels, len(classes), seed=0).logits(test["text"].tolist())
    guess = np.array(classes)[logits[:, : len(classes) - 1].argmax(axis=1)]
    return pd.Series(guess == test["intent"].to_numpy(str), index=test.index)


def main(path: str | None) -> None:
    rows = data.read("intents", path)
    rows = rows.assign(voice=rows["voice"].fillna(NO_VOICE), group=groups(rows["text"].tolist()))
    intents = rows["intent"] != OUT_OF_SCOPE
    mask = held_out(rows["text"].tolist(), share=0.15, seed=0, strata=rows["intent"])
    test = rows[mask & intents]
    right = accuracy(rows[~mask], test)
    print(f"random split, seed 0: {len(test)} test rows, accuracy {right.mean():.4f}")
    for voice in sorted(rows["voice"].unique()):
        unseen = rows[(rows["voice"] == voice) & intents]
        # near-duplicates of the voice's texts are left out of training, too
        seen = rows[((rows["voice"] != voice) | ~intents) & ~rows["group"].isin(unseen["group"])]
        of_random = right[test["voice"] == voice]
        without = accuracy(seen, unseen).mean()
        print(
            f"{voice}: random split {of_random.mean():.4f} ({len(of_random)} rows), without this voice {without:.4f} "
            f"({len(unseen)} rows, {len(seen)} in training)",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
