import re

import numpy as np
import pandas as pd
import pytest
from spacy.training import biluo_tags_to_spans, offsets_to_biluo_tags

from nivesh import data
from nivesh.errors import DataError
from nivesh.models.financial_ner import (
    augmentation,
    baseline,
    evaluation,
    features,
    lexicon,
    substitutes,
    tags,
    tokens,
    training,
)


def spans(*items):
    return [{"text": "x", "start": start, "end": end, "label": label} for start, end, label in items]


@pytest.fixture(scope="module")
def nlp():
    return tokens.blank()


def test_tokens_keep_every_character(nlp):
    for text in ("₹5,000/-", " a\t b\n", "नमस्ते ₹५०० 👨‍👩‍👧 ", "  x", "14SEP25 2.5lakh @zomato", "\u00a0\u200b", "_"):
        assert nlp.make_doc(text).text == text


def test_tokens_part_numbers_from_words(nlp):
    assert [token.text for token in nlp.make_doc("14SEP25 2.5lakh नमस्ते")] == ["14", "SEP", "25", "2", ".", "5", "lakh", "नमस्ते"]  # fmt: skip


def test_every_span_of_the_sample_is_whole_tokens(nlp):
    for row in data.read("ner").itertuples():
        doc = nlp.make_doc(row.text)
        assert all(doc.char_span(span["start"], span["end"]) for span in row.entities), row.text


def test_score_by_hand():
    gold = [spans((0, 2, "MONEY"), (5, 9, "DATE")), spans((0, 4, "MERCHANT")), []]
    found = [spans((0, 2, "MONEY"), (5, 8, "DATE")), spans((0, 4, "ACCOUNT")), spans((1, 2, "MONEY"))]
    result = evaluation.scores(gold, found, ["CATEGORY"])
    assert (
        result["precision"] == pytest.approx(1 / 4)
        and result["recall"] == pytest.approx(1 / 3)
        and result["f1"] == pytest.approx(2 / 7)
    )
    money = {"f1": pytest.approx(2 / 3), "precision": pytest.approx(1 / 2), "recall": 1.0, "support": 1}
    assert result["per_entity"]["MONEY"] == money
    assert result["per_entity"]["CATEGORY"] == {"f1": 0, "precision": 0, "recall": 0, "support": 0}


def test_confusion_by_hand():
    gold = [spans((0, 2, "MONEY"), (5, 9, "DATE"), (10, 12, "MERCHANT"))]
    found = [spans((0, 2, "MONEY"), (5, 8, "DATE"), (10, 12, "ACCOUNT"))]
    assert evaluation.confusion(gold, found) == {
        ("MONEY", "MONEY"): 1, ("DATE", "missed"): 1, ("MERCHANT", "ACCOUNT"): 1, ("spurious", "DATE"): 1,
    }  # fmt: skip


def test_errors_name_their_kind():
    gold = [spans((0, 2, "MONEY"), (5, 9, "DATE"), (10, 12, "MERCHANT"))]
    found = [spans((5, 8, "DATE"), (10, 12, "ACCOUNT"), (20, 22, "DATE"))]
    kinds = sorted(error["kind"] for error in evaluation.errors(gold, found))
    assert kinds == ["missed", "spurious", "wrong bounds", "wrong label"]


def test_slices_by_language_and_kind():
    texts = ["how much on food last month please", "kitna kharcha hua", "₹500 दिए"]
    result = evaluation.slices(texts, [[], [], []], [[], [], []])
    assert {name: part["rows"] for name, part in result.items()} == {
        "english": 1, "hinglish": 2, "short": 2, "with_symbol": 1,
    }  # fmt: skip


def test_split_has_no_leak():
    rows = data.read("ner").head(300)
    doubled = pd.concat([rows, rows.assign(text=rows["text"] + " 7")], ignore_index=True)
    parts = training.split(doubled, seed=4)
    assert len(parts.train) + len(parts.test) == 600 and 60 <= len(parts.test) <= 90
    bare = [{text.removesuffix(" 7") for text in part["text"]} for part in (parts.train, parts.test)]
    assert not bare[0] & bare[1]
    assert training.split(doubled, seed=4).test.equals(parts.test)
    assert not training.split(doubled, seed=5).test["text"].equals(parts.test["text"])


def test_split_of_few_texts_is_refused():
    with pytest.raises(DataError, match="3 texts are too few"):
        training.split(pd.DataFrame({"text": ["a", "b", "c"], "entities": [[], [], []]}), seed=0)


TAGS = tags.tag_names(["DATE", "MONEY"])


def test_tags_of_labels():
    assert TAGS == ("O", "B-DATE", "I-DATE", "L-DATE", "U-DATE", "B-MONEY", "I-MONEY", "L-MONEY", "U-MONEY")


def test_viterbi_gives_only_allowed_sequences(nlp):
    """spaCy reads the tags as spans, and gives the same tags for those spans."""
    rng = np.random.default_rng(0)
    for length in (1, 2, 9):
        doc = nlp.make_doc(" ".join("abcdefghi"[:length]))
        best = tags.viterbi(rng.normal(size=(length, len(TAGS))), *tags.allowed(TAGS))
        named = [TAGS[i] for i in best]
        found = [(span.start_char, span.end_char, span.label_) for span in biluo_tags_to_spans(doc, named)]
        assert offsets_to_biluo_tags(doc, found) == named


def test_viterbi_finds_the_best_of_all():
    rng = np.random.default_rng(1)
    scores, start, step, end = (rng.normal(size=size) for size in ((3, 4), 4, (4, 4), 4))
    total = {
        (a, b, c): start[a] + scores[0, a] + step[a, b] + scores[1, b] + step[b, c] + scores[2, c] + end[c]
        for a in range(4) for b in range(4) for c in range(4)
    }  # fmt: skip
    assert tuple(tags.viterbi(scores, start, step, end)) == max(total, key=total.get)


def test_lexicon_takes_the_longest_match(nlp):
    found = features.lexicon(nlp.make_doc("paid Bank of Baroda"))
    column = 3 * list(lexicon.KINDS).index("bank")
    assert found[:, column].tolist() == [0, 1, 0, 0] and found[:, column + 1].tolist() == [0, 0, 1, 1]


def test_the_lexicon_is_large_and_in_lower_case():
    assert len(set(lexicon.MERCHANTS)) > 500 and len(lexicon.CATEGORIES) > 300
    for items in lexicon.KINDS.values():
        assert all(item == item.casefold().strip() and item for item in items)


def test_digits_are_alike_in_spelling_but_not_in_length(nlp):
    values = features.attributes(nlp.make_doc("500 700 7000"))
    assert (values[1] == features.attributes(nlp.make_doc("x 500"))[1]).all()
    assert values[1].tolist() != values[2].tolist()
    assert (values > 0).all() and (values < list(features.TABLES.values())).all()


def test_augmented_rows_are_labelled_right(nlp):
    rows = data.read("ner").head(150).to_dict("records")
    change = augmentation.Augmenter(rows, np.random.default_rng(0))
    changed = [change(row) for row in rows for _ in range(3)]
    assert sum(new["text"] != row["text"] for new, row in zip(changed[::3], rows, strict=True)) > 75
    for row in changed:
        doc = nlp.make_doc(row["text"])
        at = 0
        for span in row["entities"]:
            assert row["text"][span["start"] : span["end"]] == span["text"] == span["text"].strip()
            assert span["start"] >= at and doc.char_span(span["start"], span["end"]) is not None
            at = span["end"]


def test_case_follows_what_was_there():
    assert augmentation.like("SWIGGY", "big bazaar") == "BIG BAZAAR"
    assert augmentation.like("Swiggy", "big bazaar") == "Big Bazaar"
    assert augmentation.like("swiggy", "Big Bazaar") == "big bazaar"


def test_amounts_look_like_amounts():
    rng = np.random.default_rng(0)
    drawn = [substitutes.amount(rng, bare=False) for _ in range(300)]
    assert all(re.search(r"[₹$€£/]|rs|inr|re |usd|aed|rup|bucks|lakh|crore|sau|thousand|haz", text.casefold()) for text in drawn)  # fmt: skip


def test_baseline_patterns_and_dictionary():
    dictionary = baseline.fit([[{"text": "home loan", "label": "CATEGORY"}, {"text": "loan", "label": "CATEGORY"}]])
    found = baseline.find("₹5,000 home loan in 2 years since 5 March", dictionary)
    assert [(span["text"], span["label"]) for span in found] == [
        ("₹5,000", "MONEY"), ("home loan", "CATEGORY"), ("in 2 years", "DATE"), ("5 March", "DATE"),
    ]  # fmt: skip


def test_entities_move_with_the_clean_text():
    row = training.cleaned_row(
        "\u200bpaid ₹5\u200b00", [{"text": "₹5\u200b00", "label": "MONEY", "start": 6, "end": 11}]
    )
    assert row == {"text": "paid ₹500", "entities": [{"text": "₹500", "label": "MONEY", "start": 5, "end": 9}]}


def test_entities_that_cut_a_word_are_found(nlp):
    row = {"text": "Paid 500 to Amazonse", "entities": spans((5, 8, "MONEY"), (12, 18, "MERCHANT"))}
    assert [span["label"] for span in training.cut_entities(row, nlp)] == ["MERCHANT"]


def test_entities_that_cut_a_word_are_named_in_training():
    """Training is stopped at the first step that would need the encoder."""
    texts = [f"Paid {n} to Amazonse" for n in range(500, 560)]
    entities = [
        [
            {"text": "Amazon", "label": "MERCHANT", "start": 12, "end": 18},
            {"text": text[5:8], "label": "MONEY", "start": 5, "end": 8},
        ]
        for text in texts
    ]
    messages = []

    def stop(fraction, message):
        messages.append(message)
        if len(messages) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fit(pd.DataFrame({"text": texts, "entities": entities}), progress=stop)
    assert messages[1] == "60 of 120 entities cut a word and are not learned, such as 'Amazon'"
