"""Texts of another kind are seen, and halves of the same texts are not: on vectors, and on the sample's own texts."""

import numpy as np
import pytest
from scipy import stats

from nivesh import data
from nivesh.data.texts import OUT_OF_SCOPE
from nivesh.errors import DataError
from nivesh.monitoring.drift import compare
from nivesh.monitoring.text_drift import compare_texts, mmd, upper_tail
from nivesh.text.embeddings import embed

COLUMNS = 7  # of an intent classifier's table, the text included


def vectors(rng, rows, shift=0.0):
    """Unit vectors of three groups of unequal size, as texts of a few topics."""
    centers = np.random.default_rng(0).normal(size=(3, 24))
    rows = centers[rng.choice(3, rows, p=[0.6, 0.3, 0.1])] + rng.normal(size=(rows, 24))
    rows[:, 0] += shift
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("freedom", "statistic"), [(1, 3.84), (1, 20.0), (3, 1.0), (10, 60.0), (40, 40.0), (40, 120.0)]
)
def test_the_tail_of_equal_weights_is_that_of_a_chi_square(freedom, statistic):
    """Within the approximation's own error, which is largest for one degree of freedom: 9 %, too large a p-value."""
    assert upper_tail(statistic, np.ones(freedom)) == pytest.approx(stats.chi2.sf(statistic, freedom), rel=0.1)


def test_the_tail_of_other_weights_is_that_of_draws():
    weights = 0.6 ** np.arange(12)
    draws = np.random.default_rng(0).chisquare(1, (400_000, 12)) @ weights
    for share in (0.5, 0.1, 0.01, 0.001, 0.0001):
        assert upper_tail(float(np.quantile(draws, 1 - share)), weights) == pytest.approx(share, rel=0.25)
    assert upper_tail(0.0, weights) == 1.0
    assert 0 < upper_tail(1e4, weights) < 1e-300 or upper_tail(1e4, weights) == 0.0
    steps = [upper_tail(float(x), weights) for x in np.linspace(0.2, 30, 300)]
    assert all(left >= right for left, right in zip(steps, steps[1:], strict=False))


def test_the_p_value_is_that_of_permutations():
    """At 1 % and 0.1 %, of 20,000 permutations; it may be too large, and must not be much too small."""
    rng = np.random.default_rng(3)
    before, after = vectors(rng, 120), vectors(rng, 60)
    statistic, weights = mmd(before, after)
    both = np.concatenate([before, after])
    squares = np.maximum(2 - 2 * both @ both.T, 0)
    width = np.median(squares[np.triu_indices(180, 1)])
    kernel = np.exp(-squares / width)
    sign = np.concatenate([np.full(120, 1 / 120), np.full(60, -1 / 60)])
    drawn = np.stack([rng.permutation(sign) for _ in range(20_000)])
    permuted = ((drawn @ kernel) * drawn).sum(1) * 120 * 60 / 180
    assert statistic == pytest.approx(sign @ kernel @ sign * 40)
    assert weights.sum() == pytest.approx(permuted.mean(), rel=0.01)
    for share in (0.05, 0.01, 0.001):
        assert share / 1.25 < upper_tail(float(np.quantile(permuted, 1 - share)), weights) < 4 * share


def test_false_alarms_are_as_rare_as_promised():
    rng = np.random.default_rng(8)
    p_values = np.array([upper_tail(*mmd(vectors(rng, 90), vectors(rng, 40))) for _ in range(600)])
    assert not any(score > 5.1 for score in -np.log10(p_values)), "the level of a year of windows"
    for level in (0.1, 0.05, 0.01):  # at most the level and four standard errors
        assert (p_values < level).mean() <= level + 4 * np.sqrt(level * (1 - level) / 600)
    assert (p_values < 0.5).mean() > 0.3, "the test is not blind"


def test_a_shift_of_vectors_is_found_and_grows_with_the_rows():
    rng = np.random.default_rng(1)
    reference = vectors(rng, 400)
    few, many = (compare_texts(reference, vectors(rng, rows, 2.0), COLUMNS) for rows in (40, 200))
    assert many.drifted and many.score > few.score
    assert (many.kind, many.column, many.direction) == ("text", "text", "other texts")
    assert 0 < many.distance < 1 and "median similarity" in many.sentence


def test_the_level_is_shared_with_the_other_columns():
    import pandas as pd

    rng = np.random.default_rng(1)
    text = compare_texts(vectors(rng, 60), vectors(rng, 60), columns=4)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    assert {one.threshold for one in compare(table, table, more_columns=1)} == {text.threshold}
    assert compare(table, table)[0].threshold < text.threshold


def test_odd_vectors(monkeypatch):
    rng = np.random.default_rng(1)
    same = np.tile(vectors(rng, 1), (30, 1))
    assert not compare_texts(same, same).drifted, "one text over and over"
    assert compare_texts(vectors(rng, 100), np.tile(vectors(rng, 1), (60, 1)), COLUMNS).drifted
    for before, after in ((19, 30), (30, 19)):
        with pytest.raises(DataError, match="19 texts; at least 20"):
            compare_texts(vectors(rng, before), vectors(rng, after))
    monkeypatch.setattr("nivesh.monitoring.text_drift.MAX_TEXTS", 50)
    reference, current = vectors(rng, 300), vectors(rng, 300)
    assert compare_texts(reference, current, seed=1) == compare_texts(reference, current, seed=1)


@pytest.fixture(scope="module")
def texts():
    """Embeddings of the sample's texts: in scope, out of scope, Hinglish."""
    rows = data.read("intents")
    inside = rows[rows["intent"] != OUT_OF_SCOPE]
    parts = {
        "inside": inside.sample(500, random_state=0),
        "out of scope": rows[rows["intent"] == OUT_OF_SCOPE].sample(80, random_state=0),
        "hinglish": inside[inside["voice"] == "Hinglish"].sample(80, random_state=0),
    }
    return {name: embed(part["text"].tolist()) for name, part in parts.items()}


@pytest.mark.parametrize("kind", ["out of scope", "hinglish"])
def test_another_domain_is_seen_over_many_seeds(texts, kind):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        reference = texts["inside"][rng.permutation(500)[:300]]
        assert compare_texts(reference, texts[kind][rng.permutation(80)[:40]], COLUMNS).drifted, seed


def test_halves_of_the_same_texts_are_not(texts):
    scores = []
    for seed in range(60):
        order = np.random.default_rng(seed).permutation(500)
        found = compare_texts(texts["inside"][order[:250]], texts["inside"][order[250:400]], COLUMNS)
        assert not found.drifted
        scores.append(found.score)
    assert sum(score > 2 for score in scores) <= 4, "one in a hundred is expected beyond a p-value of 0.01"


def test_the_same_text_has_the_same_vector_alone_and_among_others(texts):
    words = ["Can I afford a car loan?", "mera EMI kitna hai", "A much longer text about rents and deposits " * 3]
    together = embed(words)
    assert np.allclose(together, np.concatenate([embed([word]) for word in words]), atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert embed([]).shape == (0, 384)
