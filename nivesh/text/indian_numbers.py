"""Numbers as they are written in India."""


def grouped(digits: str) -> str:
    """Digits with commas as in India: 1234567 -> 12,34,567."""
    head, tail = digits[:-3], digits[-3:]
    parts = [tail]
    while head:
        parts.insert(0, head[-2:])
        head = head[:-2]
    return ",".join(parts)
