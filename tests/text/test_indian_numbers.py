from nivesh.text.indian_numbers import grouped


def test_digits_are_grouped_as_in_india():
    assert [grouped(digits) for digits in ("5", "500", "5000", "1234567")] == ["5", "500", "5,000", "12,34,567"]
