import unicodedata
from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from nivesh.text.cleaning import Visible, clean, with_offsets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Can I afford a car?", "Can I afford a car?"),
        ("  two  spaces,\ta tab\nand a line\r\n", "  two  spaces,\ta tab\nand a line\r\n"),
        ("lo\u200ban", "loan"),
        ("\ufeffcar\u00ad lo\u2060an\u200e", "car loan"),
        ("\u202eabc\u202c", "abc"),
        ("pay\x00ment\x1b", "payment"),
        ("tag\U000e0041\U000e007f private\ue000", "tag private"),
        ("❤\ufe0f", "❤"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),  # between letters of Devanagari a joiner is spelling
        ("a\u200db", "ab"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u09c7\u09be", "\u09cb"),  # two Bengali vowel signs that are one
        ("\u200b\u200b", ""),
        ("", ""),
    ],
)
def test_clean(text, expected):
    assert clean(text) == expected
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    "text", ["lo\u200ban cafe\u0301 ₹5\u200b00 🙂\ufe0f x", "नमस्ते \u200e₹५००", "e\u0301\u200b\u0327x", "plain"]
)
def test_every_clean_character_knows_its_place(text):
    cleaned = with_offsets(text)
    assert len(cleaned.text) == len(cleaned.starts) == len(cleaned.ends)
    for i, character in enumerate(cleaned.text):
        piece = text[cleaned.starts[i] : cleaned.ends[i]]
        assert character in clean(piece)
        assert cleaned.original(*cleaned.span(cleaned.starts[i], cleaned.ends[i])) == (
            cleaned.starts[i],
            cleaned.ends[i],
        )


def test_a_span_leaves_invisible_characters_at_its_ends_out():
    text = "paid \u200b₹5\u200b00\u200e now"
    cleaned = with_offsets(text)
    start = cleaned.text.index("₹")
    first, last = cleaned.original(start, start + 4)
    assert text[first:last] == "₹5\u200b00"
    assert cleaned.span(5, 12) == (start, start + 4)
    assert cleaned.span(5, 6) == (start, start)


def test_clean_texts_are_nfc():
    texts = ["e\u0301\u0323", "\u1100\u1161\u11a8", "Å\u0327", "a\u0323\u0302b\u0302\u0323", "\u0b47\u0b57"]
    assert [clean(text) for text in texts] == [unicodedata.normalize("NFC", text) for text in texts]


class Body(BaseModel):
    text: Annotated[str, Visible]


@pytest.mark.parametrize("text", ["\u200b\u200b", " \u200e\n", "", "\U000e0041", "\u3164"])
def test_a_text_in_which_nobody_sees_anything_is_refused(text):
    with pytest.raises(ValidationError, match="the text is blank"):
        Body(text=text)


@pytest.mark.parametrize("text", ["?", "🙂", " x ", "\u200bx"])
def test_other_texts_stay_as_given(text):
    assert Body(text=text).text == text
