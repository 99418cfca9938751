import json

import numpy as np
import pandas as pd
import pytest

from nivesh import data
from nivesh.errors import DataError
from nivesh.models import intent_classifier as module
from nivesh.models.intent_classifier import outside, scoring
from nivesh.models.intent_classifier.classifier import Blend, softmax
from nivesh.models.intent_classifier.division import groups, held_out, normalised
from nivesh.models.intent_classifier.ngrams import Ngrams, fit_ngrams, grams

# Division


def test_normalised_texts():
    assert normalised("Spent ₹5,000 on   GROCERIES!!") == "spent 0 000 on groceries"
    assert normalised("क्या 12k?") == "क्या 00k"
    assert normalised("🎉") == ""


def test_near_duplicates_share_a_group():
    told = groups(["Can I afford a 5 lakh car?", "can i afford a 7 lakh car", "which card should I clear first", "🎉"])
    assert told[0] == told[1]
    assert len(set(told)) == 3


def test_no_group_is_on_both_sides():
    letters = np.random.default_rng(0).choice(list("abcdefghijklmnopqrstuvwxyz"), (60, 4, 6))
    wordings = [" ".join("".join(word) for word in words) for words in letters]
    rows = [
        (f"{w} {n}", "loan_inquiry" if i % 2 else "tax_planning") for i, w in enumerate(wordings) for n in (12, 34, 56)
    ]
    frame = pd.DataFrame(rows, columns=["text", "intent"])
    parts = module.split(frame, seed=1)
    assert len(parts.train) + len(parts.test) == len(frame)
    keys = [set(part["text"].map(normalised)) for part in (parts.train, parts.test)]
    assert not keys[0] & keys[1]
    assert parts.test["intent"].value_counts().to_dict() == {"loan_inquiry": 12, "tax_planning": 12}
    both = groups([*parts.train["text"], *parts.test["text"]])
    assert not set(both[: len(parts.train)]) & set(both[len(parts.train) :])


def test_one_wording_over_and_over_cannot_be_divided():
    same = pd.DataFrame({"text": [f"pay {n} to the shop" for n in range(10, 60)], "intent": "transaction_query"})
    with pytest.raises(DataError, match="nearly all the same"):
        module.split(same, seed=0)


def test_one_seed_gives_one_division():
    frame = data.read("intents").head(150)
    first, again, other = (held_out(frame, 0.15, seed) for seed in (3, 3, 4))
    assert (first == again).all() and (first != other).any()


# N-grams, blend, metrics


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
    asked = ["tax on my loan", "emi", "nothing known here?"]
    np.testing.assert_allclose(
        softmax(ours.logits(asked)), linear.predict_proba(vectoriser.transform(asked)), atol=5e-3
    )
    ours.save(tmp_path)
    np.testing.assert_array_equal(Ngrams.load(tmp_path).logits(asked), ours.logits(asked))


def test_the_blend_trusts_the_half_that_knows():
    from nivesh.models.intent_classifier.training import fit_blend

    labels = np.arange(60) % 3
    noise = np.random.default_rng(0).normal(size=(60, 3))
    knows = 2 * np.eye(3)[labels] + np.random.default_rng(1).normal(size=(60, 3))
    blend = fit_blend(knows, noise, labels)
    assert blend.encoder > 1 > blend.ngrams >= 0
    assert Blend(2.0, 0.5)(np.ones(2), np.ones(2)).tolist() == [2.5, 2.5]


def test_scores_of_a_hand_made_case():
    truth, guess = np.array(["a", "a", "b", "b"]), np.array(["a", "b", "b", "c"])
    told = scoring.scores(truth, guess)
    assert told["accuracy"] == 0.5
    assert told["per_intent"]["a"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert told["per_intent"]["b"]["f1"] == pytest.approx(0.5)
    assert told["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_calibration_error_of_a_hand_made_case():
    confidence, right = np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, True, True, False])
    assert scoring.calibration_error(confidence, right) == pytest.approx(0.5 * 0.05 + 0.5 * 0.05)
    assert scoring.calibration_error(np.array([1.0]), np.array([True])) == 0


def test_auroc_of_a_hand_made_case():
    assert scoring.auroc(np.array([0.9, 0.6]), np.array([0.6, 0.1])) == pytest.approx(3.5 / 4)


@pytest.mark.parametrize(
    ("text", "hinglish"),
    [("kitna kharch hua?", True), ("मेरा बजट", True), ("How do I save more?", False), ("paise bachao", True)],
)
def test_the_rule_of_hinglish(text, hinglish):
    assert scoring.is_hinglish(text) is hinglish


def test_slices_of_a_hand_made_case():
    told = scoring.slices(["hi", "what is 80C in tax"], np.array([True, False]))
    assert told["short (3 words or less)"] == {"rows": 1, "accuracy": 1.0}
    assert told["with digits"] == {"rows": 1, "accuracy": 0.0}
    assert "hinglish" not in told


# Texts that belong to no intent


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A data folder that holds nothing yet."""
    monkeypatch.setenv("NIVESH_DATA_DIR", str(tmp_path))
    return tmp_path


def test_without_the_file_there_are_no_outside_texts(elsewhere):
    assert outside.outside_texts() == ([], [])


def test_a_texts_part_stays_as_the_file_grows(elsewhere):
    lines = [json.dumps({"text": f"weather in city {chr(97 + i % 26) * (1 + i // 26)}"}) for i in range(100)]
    path = elsewhere / outside.FILE
    path.write_text("\n".join(lines[:50]))
    learn, measure = outside.outside_texts()
    path.write_text("\n".join(lines))
    more_learn, more_measure = outside.outside_texts()
    assert set(learn) < set(more_learn) and set(measure) < set(more_measure)
    assert not set(more_learn) & set(more_measure)
    assert len(more_learn) + len(more_measure) == 100 and 15 <= len(more_measure) <= 45


def test_a_broken_line_is_named(elsewhere):
    (elsewhere / outside.FILE).write_text('{"text": "ok"}\n{"query": 1}\n')
    with pytest.raises(DataError, match=r"out_of_scope.jsonl line 2.*\"text\""):
        outside.outside_texts()
