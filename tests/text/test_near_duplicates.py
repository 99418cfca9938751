import numpy as np
import pytest

from nivesh import data
from nivesh.errors import DataError
from nivesh.text.near_duplicates import groups, held_out, normalised


def wordings(count: int) -> list[str]:
    """Sentences that have no word in common."""
    letters = np.random.default_rng(0).choice(list("abcdefghijklmnopqrstuvwxyz"), (count, 4, 6))
    return [" ".join("".join(word) for word in words) for words in letters]


def test_normalised_texts():
    assert normalised("Spent ₹5,000 on   GROCERIES!!") == "spent 0 000 on groceries"
    assert normalised("क्या 12k?") == "क्या 00k"
    assert normalised("🎉") == ""


def test_near_duplicates_share_a_group():
    texts = ["Can I afford a 5 lakh car?", "can i afford a 7 lakh car", "which card should I clear first", "🎉"]
    group = groups(texts)
    assert group[0] == group[1]
    assert len(set(group)) == 3


def test_near_duplicates_in_any_column_share_a_group():
    questions = ["how do I save", "which card first", "how do i save?"]
    answers = ["Keep a fifth of your salary.", "Keep a fifth of your salary", "Pay the dearest one."]
    assert len(set(groups(questions))) == 2
    assert len(set(groups(questions, answers))) == 1


def test_no_texts_have_no_groups():
    assert groups([]).shape == (0,)


def test_no_group_is_on_both_sides():
    texts = [f"{wording} {number}" for wording in wordings(60) for number in (12, 34, 56)]
    labels = [("loan", "tax")[i // 3 % 2] for i in range(180)]
    mask = held_out(texts, share=0.15, seed=1, strata=labels)
    assert {label: sum(np.array(labels)[mask] == label) for label in ("loan", "tax")} == {"loan": 12, "tax": 12}
    assert all(mask[i] == mask[i + 1] == mask[i + 2] for i in range(0, 180, 3))


def test_a_group_larger_than_the_share_does_not_stop_the_others():
    texts = [f"pay {n} to the shop" for n in range(60)] + wordings(40)
    for seed in range(5):
        mask = held_out(texts, share=0.15, seed=seed)
        assert mask.sum() == 15 and not mask[:60].any()


def test_one_wording_over_and_over_cannot_be_split():
    with pytest.raises(DataError, match="nearly all the same"):
        held_out([f"pay {n} to the shop" for n in range(10, 60)], share=0.15, seed=0)
    with pytest.raises(DataError, match="0 texts cannot be split"):
        held_out([], share=0.15, seed=0)


def test_one_seed_gives_one_split():
    rows = data.read("intents").head(150)
    first, again, other = (held_out(rows["text"], share=0.15, seed=s, strata=rows["intent"]) for s in (3, 3, 4))
    assert (first == again).all() and (first != other).any()
