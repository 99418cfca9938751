"""What the model has to beat: regular expressions for MONEY and DATE, and a dictionary of the training rows' spans."""

import re
from collections import Counter
from typing import Any

_NUMBER = r"\d+(?:,\d+)*(?:\.\d+)?"
_UNIT = r"(?:k|l|cr|lakhs?|lacs?|crores?|thousand|hazaa?r|million)"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
_LENGTH = r"(?:days?|weeks?|months?|years?|saal|mahine|din|hafte)"
PATTERNS = {
    "MONEY": re.compile(
        rf"(?:₹|\brs\b\.?|\binr\b|[$€£])\s?{_NUMBER}(?:\s?{_UNIT}\b)?|\b{_NUMBER}\s?(?:{_UNIT}|rupees|rupaye|rs)\b",
        re.IGNORECASE,
    ),
    "DATE": re.compile(
        rf"\b(?:today|yesterday|tomorrow|aaj|kal|monthly|daily|weekly|yearly)\b"
        rf"|\b(?:last|this|next|every|per|har|pichle|agle|is)\s(?:\w+day|week|month|year|quarter|{_MONTH}|{_LENGTH})\b"
        rf"|\b(?:in\s)?\d+\s{_LENGTH}(?:\s(?:ago|mein|pehle))?\b"
        rf"|\b\d{{1,2}}(?:st|nd|rd|th)?[\s-]?{_MONTH}(?:[\s-]?\d{{2,4}})?\b|\b\d{{1,2}}[/-]\d{{1,2}}[/-]\d{{2,4}}\b"
        rf"|\b{_MONTH}(?:\s\d{{4}})?\b|\bfy\s?\d{{2,4}}(?:-\d{{2,4}})?\b",
        re.IGNORECASE,
    ),
}


def fit(entities: list[list[dict[str, Any]]]) -> dict[str, str]:
    """The dictionary: each span's text in lower case -> its most frequent label in the training rows."""
    counts: dict[str, Counter[str]] = {}
    for spans in entities:
        for span in spans:
            counts.setdefault(span["text"].casefold(), Counter())[span["label"]] += 1
    return {text: of_text.most_common(1)[0][0] for text, of_text in sorted(counts.items())}


def find(text: str, dictionary: dict[str, str]) -> list[dict[str, Any]]:
    """Spans by patterns and dictionary; of those that overlap, the longer one."""
    found = [(*match.span(), label) for label, pattern in PATTERNS.items() for match in pattern.finditer(text)]
    words = [match.span() for match in re.finditer(r"[^\W_]+", text)]
    for i, (start, _) in enumerate(words):
        for _, end in words[i : i + 6]:
            label = dictionary.get(text[start:end].casefold())
            if label:
                found.append((start, end, label))
    taken: list[tuple[int, int, str]] = []
    for start, end, label in sorted(found, key=lambda span: (span[0] - span[1], span[0])):
        if all(end <= left or right <= start for left, right, _ in taken):
            taken.append((start, end, label))
    return [{"text": text[s:e], "label": label, "start": s, "end": e} for s, e, label in sorted(taken)]
