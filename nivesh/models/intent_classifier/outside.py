"""Texts that belong to no intent: one part teaches low confidence, a fixed part measures it."""

import json
import zlib

from nivesh.errors import DataError
from nivesh.models.intent_classifier.division import normalised
from nivesh.settings import settings

FILE = "out_of_scope.jsonl"
MEASURED = 3  # tenths of the texts


def outside_texts() -> tuple[list[str], list[str]]:
    """(texts to learn from, texts to measure with); both empty where the data folder has no such file.

    A text's part depends on its wording alone, so it stays the same as the file grows.

    Raises:
        DataError: a line is no JSON object with a "text".
    """
    path = settings().data_dir / FILE
    if not path.is_file():
        return [], []
    learn, measure = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"]
            key = normalised(text)
        except (json.JSONDecodeError, KeyError, TypeError):
            raise DataError(f'{FILE} line {number}: write one JSON object a line, with "text"') from None
        (measure if zlib.crc32(key.encode()) % 10 < MEASURED else learn).append(text)
    return learn, measure
