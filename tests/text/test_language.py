import pytest

from nivesh.text.language import HINDI_WORDS, is_hinglish


@pytest.mark.parametrize(
    ("text", "hinglish"),
    [
        ("kitna kharch hua?", True),
        ("मेरा बजट", True),
        ("paise bachao", True),
        ("₹500 दिए", True),
        ("EMI bharna hai(abhi)", True),
        ("How do I save more?", False),
        ("how much on food last month please", False),
        ("", False),
    ],
)
def test_is_hinglish(text, hinglish):
    assert is_hinglish(text) is hinglish


def test_no_hindi_word_is_also_a_frequent_english_one():
    assert HINDI_WORDS.isdisjoint(["me", "to", "the", "do", "par", "is", "us", "in", "on", "so", "hum", "main", "bus"])
