"""Texts as vectors of the pretrained encoder. Needs torch, which serving images do not have."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nivesh.text.encoder import encoder_folder

BATCH = 32  # texts that are embedded at once
DIMENSIONS = 384  # of MiniLM


def embed(texts: Sequence[str]) -> np.ndarray:
    """MiniLM's mean-pooled unit vectors. Shape (texts, 384).

    Raises:
        SettingsError: there is no encoder.
    """
    import torch  # not in serving images

    if not texts:
        return np.zeros((0, DIMENSIONS), np.float32)
    tokenizer, model = _encoder(encoder_folder())
    vectors = np.empty((len(texts), DIMENSIONS), np.float32)
    order = np.argsort([len(text) for text in texts], kind="stable")  # like lengths together: less padding
    with torch.no_grad():
        for start in range(0, len(texts), BATCH):
            chosen = order[start : start + BATCH]
            batch = tokenizer(
                [texts[i] for i in chosen], padding=True, truncation=True, max_length=256, return_tensors="pt"
            )
            hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"][..., None]
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            vectors[chosen] = torch.nn.functional.normalize(pooled, dim=-1).numpy()
    return vectors


@cache
def _encoder(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and model, read once."""
    from transformers import AutoModel, AutoTokenizer

    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
