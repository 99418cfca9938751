import pytest

from nivesh import data
from nivesh.text.personal_data import Found, find, mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my PAN is ABCPE1234F.", "my PAN is [PAN]."),
        ("pan abcpe1234f", "pan [PAN]"),
        ("aadhaar 2341 2341 2346", "aadhaar [AADHAAR]"),
        ("आधार २३४१ २३४१ २३४६ है", "आधार [AADHAAR] है"),
        ("card 4111 1111 1111 1111", "card [CARD]"),
        ("card 4539-1488-0343-6467, cvv", "card [CARD], cvv"),
        ("a/c no 123456789012, IFSC HDFC0001234", "a/c no [ACCOUNT], IFSC [IFSC]"),
        ("khata number 00123456789", "khata number [ACCOUNT]"),
        ("call +91 98765 43210 or 9876543210", "call [PHONE] or [PHONE]"),
        ("office 022-26541234", "office [PHONE]"),
        ("write to a.b@example.com", "write to [EMAIL]"),
        ("pay rahul.k@okhdfcbank", "pay [UPI]"),
        ("card 4111 1111 1111 1111 12/27 cvv 123", "card [CARD] 12/27 cvv 123"),
        ("exp 12 27 4111 1111 1111 1111", "exp 12 27 [CARD]"),
        ("4111.1111.1111.1111 and 4111\u20131111\u20131111\u20131111", "[CARD] and [CARD]"),
        ("amex 3782 822463 10005 1227", "amex [CARD] 1227"),
        ("aadhaar 2341\u00a02341\u00a0\u00a02346 5000", "aadhaar [AADHAAR] 5000"),
        ("aadhaar 2341\u200b2341\u200b2346", "aadhaar [AADHAAR]"),
        ("pan ABCPE\u200b1234F or ＡＢＣＰＥ１２３４Ｆ or A B C P E 1 2 3 4 F", "pan [PAN] or [PAN] or [PAN]"),
        ("GSTIN 27ABCPE1234F1ZB", "GSTIN [GSTIN]"),
        ("acc no 50100123456780", "acc no [ACCOUNT]"),
        ("a/c. no. 50100123456780", "a/c. no. [ACCOUNT]"),
        ("खाता संख्या ५०१००१२३४५६७८०", "खाता संख्या [ACCOUNT]"),
        ("राहुल@example.com", "[EMAIL]"),
        ("9876543210 ko ₹500 bhejo", "[PHONE] ko ₹500 bhejo"),
    ],
)
def test_found_and_masked(text, masked):
    assert mask(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "₹4,11,11,111 in FY 2025-26, 50000000 in all",
        "aadhaar 2341 2341 2347",  # its check digit is wrong
        "card 4111 1111 1111 1112",
        "PAN ABCXE1234F",  # no such kind of holder
        "123456789012 rupees",  # no word that says account
        "account has 50000 rupees",
        "call 1930, 14416 or 1800-599-0019",
        "1234567890 rupees in section 80CCD(1B)",
        "Rs. 9876543210, ₹ 98765 43210 or 7000000000 rupees",
        "2010 2020 2030",
        "EMI@9.5",
    ],
)
def test_amounts_helplines_and_wrong_check_digits_are_not(text):
    assert find(text) == []


def test_places_are_those_of_the_text_as_written():
    text = "मेरा PAN ABCPE1234F"
    (found,) = find(text)
    assert found == Found("PAN", text.index("ABC"), len(text))


def test_the_samples_hold_none():
    rows = data.read("advice")
    assert not [text for name in ("instruction", "input", "output") for text in rows[name] if find(text)]
    intents = data.read("intents")["text"]
    assert sum(bool(find(text)) for text in intents) <= 1, "questions about money are full of numbers"
