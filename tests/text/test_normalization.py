import pytest
from pydantic import BaseModel

from nivesh import models
from nivesh.text.normalization import CategoryName, NormalizedText, category_name, normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" u1 ", "u1"),
        ("\u00a0u1\u200b", "u1"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("a  b", "a  b"),
        ("\ufeffu1", "u1"),
        ("क्\u200dष", "क्\u200dष"),  # joiners change how Indic scripts are written
        ("007", "007"),
    ],
)
def test_one_spelling_of_what_a_person_cannot_tell_apart(text, expected):
    assert normalize(text) == expected == normalize(normalize(text))


def test_words_of_lists_have_one_spelling():
    assert {category_name(word) for word in ("Self-Employed", "self employed ", "SELF_EMPLOYED")} == {"self_employed"}


def test_fields_of_requests_are_normalized_and_nothing_else_is_taken_for_a_text():
    class Body(BaseModel):
        user: NormalizedText
        work: CategoryName

    assert Body(user=" u1 ", work="Daily Wage").model_dump() == {"user": "u1", "work": "daily_wage"}
    with pytest.raises(ValueError, match="user"):
        Body(user=7, work="x")


@pytest.mark.parametrize("key", ["anomaly_detector", "credit_risk", "spending_predictor"])
def test_the_user_of_a_request_is_the_user_of_a_file(key):
    model = models.get(key)
    assert model.Request(**model.spec.example | {"user_id": " Jose\u0301 "}).user_id == "Jos\u00e9"
