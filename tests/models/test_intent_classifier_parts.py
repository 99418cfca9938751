import numpy as np
import pandas as pd
import pytest

from nivesh.models.intent_classifier import evaluation
from nivesh.models.intent_classifier.inference import Blend, softmax
from nivesh.models.intent_classifier.ngrams import Ngrams, fit_ngrams, grams
from nivesh.models.intent_classifier.training import fit_blend


def test_grams():
    assert grams("pay EMI") == [
        "pay", "emi", "pay emi",
        "# p", "#pa", "#ay", "#y ", "# e", "#em", "#mi", "#i ",
        "# pa", "#pay", "#ay ", "#y e", "# em", "#emi", "#mi ",
        "# pay", "#pay ", "#ay e", "#y em", "# emi", "#emi ",
        "# pay ", "#pay e", "#ay em", "#y emi", "# emi ",
    ]  # fmt: skip
    assert grams("") == []


def test_ngrams_give_what_scikit_learn_gives(tmp_path):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_union

    texts = ["pay my emi", "emi of my loan", "loan emi due", "save tax now", "tax saving now", "old tax regime"] * 2
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    labels = np.array([0, 0, 0, 1, 1, 1] * 2)
    ours = fit_ngrams(texts, labels, 2, seed=0)
    vectoriser = make_union(
        *(
            TfidfVectorizer(
                analyzer=lambda text, kind=kind: [g for g in grams(text) if g.startswith("#") is kind],
                min_df=2,
                sublinear_tf=True,
            )
            for kind in (False, True)
        )
    )
    linear = LogisticRegression(C=10.0, max_iter=500).fit(vectoriser.fit_transform(texts), labels)
    texts_to_predict = ["tax on my loan", "emi", "nothing known here?"]
    np.testing.assert_allclose(
        softmax(ours.logits(texts_to_predict)), linear.predict_proba(vectoriser.transform(texts_to_predict)), atol=5e-3
    )
    ours.save(tmp_path)
    np.testing.assert_array_equal(Ngrams.load(tmp_path).logits(texts_to_predict), ours.logits(texts_to_predict))


def test_the_blend_trusts_the_half_that_knows():
    labels = np.arange(60) % 3
    noise = np.random.default_rng(0).normal(size=(60, 3))
    knows = 2 * np.eye(3)[labels] + np.random.default_rng(1).normal(size=(60, 3))
    blend = fit_blend(knows, noise, labels)
    assert blend.encoder > 1 > blend.ngrams >= 0
    assert Blend(2.0, 0.5)(np.ones(2), np.ones(2)).tolist() == [2.5, 2.5]


def test_scores_of_a_hand_made_case():
    truth, guess = np.array(["a", "a", "b", "b"]), np.array(["a", "b", "b", "c"])
    measured = evaluation.scores(truth, guess)
    assert measured["accuracy"] == 0.5
    assert measured["per_intent"]["a"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert measured["per_intent"]["b"]["f1"] == pytest.approx(0.5)
    assert measured["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_calibration_error_of_a_hand_made_case():
    confidence, right = np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, True, True, False])
    assert evaluation.calibration_error(confidence, right) == pytest.approx(0.5 * 0.05 + 0.5 * 0.05)
    assert evaluation.calibration_error(np.array([1.0]), np.array([True])) == 0


def test_auroc_of_a_hand_made_case():
    measured = evaluation.out_of_scope_scores(np.array([0.9, 0.6]), np.array([0.6, 0.1]))
    assert measured == {"rows": 2, "auroc": pytest.approx(3.5 / 4), "share_below_min_confidence": 0.5}


def test_slices_of_a_hand_made_case():
    rows = pd.DataFrame({"text": ["hi", "what is 80C in tax"], "voice": ["short commands", None]})
    measured = evaluation.slices(rows, np.array([True, False]))
    assert measured["voice: short commands"] == {"rows": 1, "accuracy": 1.0}
    assert measured["short (3 words or less)"] == {"rows": 1, "accuracy": 1.0}
    assert measured["with digits"] == {"rows": 1, "accuracy": 0.0}
    assert "hinglish" not in measured
