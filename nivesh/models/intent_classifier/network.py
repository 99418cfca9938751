"""The encoder with its classification head: fine-tuning in torch, export to ONNX. Imported by training only."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from nivesh.errors import SettingsError
from nivesh.models.intent_classifier.inference import INPUTS, OUTPUT, padded
from nivesh.text import fine_tuning

MASKED = -1e4  # added to the attention scores of padding
WEIGHT_DECAY = 0.01
DROPOUT = 0.1  # of the head


@dataclass(frozen=True)
class Schedule:
    """How the network is trained. ``learning_rate`` is the encoder's, ``head_rate`` that of the new head."""

    epochs: int
    learning_rate: float
    head_rate: float
    frozen_layers: int
    batch_size: int
    label_smoothing: float
    seed: int


class Network(torch.nn.Module):
    """A BERT-like encoder and one linear layer over the means of the trained layers' hidden states.

    The ``frozen`` lowest layers and the embeddings stay as they were pretrained, and the head also reads the frozen
    part's outcome.
    """

    def __init__(self, classes: int, frozen: int):
        super().__init__()
        encoder = fine_tuning.pretrained()
        try:
            self.embeddings, layers = encoder.embeddings, encoder.encoder.layer
        except AttributeError:
            kind = encoder.config.model_type
            raise SettingsError(
                f"an encoder of type {kind!r} cannot be fine-tuned here; name a BERT-like one"
            ) from None
        if not 0 <= frozen < len(layers):
            raise SettingsError(
                f"frozen_layers={frozen}: the encoder has {len(layers)} layers; keep one or more to train"
            )
        self.lower_layers, self.upper_layers = layers[:frozen], layers[frozen:]
        self.embeddings.requires_grad_(False)
        self.lower_layers.requires_grad_(False)
        self.dropout = torch.nn.Dropout(DROPOUT)
        self.head = torch.nn.Linear(encoder.config.hidden_size * (1 + len(self.upper_layers)), classes)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.upper(self.lower(input_ids, attention_mask), attention_mask)

    def lower(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Hidden states after the frozen part, (texts, tokens, width)."""
        hidden = self.embeddings(input_ids=input_ids)
        for layer in self.lower_layers:
            hidden = layer(hidden, _bias(attention_mask))
        return hidden

    def upper(self, hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits of hidden states, (texts, classes)."""
        mask = attention_mask.unsqueeze(-1).float()
        means = [(hidden.float() * mask).sum(1) / mask.sum(1)]
        for layer in self.upper_layers:
            hidden = layer(hidden, _bias(attention_mask))
            means.append((hidden.float() * mask).sum(1) / mask.sum(1))
        return self.head(self.dropout(torch.cat(means, dim=1)))


def new_network(classes: int, schedule: Schedule) -> Network:
    """A network with pretrained encoder and a fresh head."""
    fine_tuning.start(schedule.seed)
    return Network(classes, schedule.frozen_layers)


def train(
    network: Network, tokens: list[list[int]], labels: np.ndarray, schedule: Schedule, progress: Callable[[float], None]
) -> None:
    """Fine-tune in place.

    Args:
        network: as ``new_network`` gives it.
        tokens: the ids of each text.
        labels: the class of each text, shape (texts,).
        schedule: how to train.
        progress: called after each step with the finished fraction, 0 to 1.
    """
    generator = np.random.default_rng(schedule.seed)
    torch.manual_seed(schedule.seed)
    steps = schedule.epochs * math.ceil(len(tokens) / schedule.batch_size)
    layers, head = list(network.upper_layers.parameters()), list(network.head.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": layers, "lr": schedule.learning_rate}, {"params": head, "lr": schedule.head_rate}],
        weight_decay=WEIGHT_DECAY,
        fused=True,
    )
    rate = fine_tuning.linear_schedule(optimizer, steps)
    bfloat16 = fine_tuning.native_bfloat16()
    lower = _lower_states(network, tokens)  # once for all epochs: that part never changes
    lengths = [len(ids) for ids in tokens]
    network.train()
    done = 0
    for _ in range(schedule.epochs):
        for rows in fine_tuning.batches_by_length(lengths, schedule.batch_size, generator):
            hidden = torch.nn.utils.rnn.pad_sequence([lower[row] for row in rows], batch_first=True)
            mask = torch.from_numpy(padded([tokens[row] for row in rows])[1])
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
                logits = network.upper(hidden, mask)
            target = torch.from_numpy(labels[rows])
            loss = functional.cross_entropy(logits.float(), target, label_smoothing=schedule.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*layers, *head], 1.0)
            optimizer.step()
            rate.step()
            done += 1
            progress(done / steps)
    network.eval()


@torch.no_grad()
def logits_of(network: Network, tokens: list[list[int]], batch_size: int = 64) -> np.ndarray:
    """The network's logits, computed in torch, float32 of shape (texts, classes)."""
    network.eval()
    starts = range(0, len(tokens), batch_size)
    return np.concatenate(
        [network(*map(torch.from_numpy, padded(tokens[start : start + batch_size]))).numpy() for start in starts]
    )


def export(network: Network, scratch: Path) -> tuple[bytes, bytes]:
    """The network as ONNX in float32 and in int8, for any number and length of texts; files go to ``scratch``."""
    full, small = scratch / "full.onnx", scratch / "int8.onnx"
    example = (torch.ones(2, 7, dtype=torch.long), torch.ones(2, 7, dtype=torch.long))
    free = {name: {0: "texts", 1: "tokens"} for name in INPUTS} | {OUTPUT: {0: "texts"}}
    fine_tuning.export_onnx(network, example, full, inputs=INPUTS, output=OUTPUT, free=free)
    fine_tuning.quantise(full, small)
    return full.read_bytes(), small.read_bytes()


@torch.no_grad()
def _lower_states(network: Network, tokens: list[list[int]], batch_size: int = 64) -> list[torch.Tensor]:
    """Hidden states of each text after the frozen part, (tokens, width)."""
    network.eval()
    states: dict[int, torch.Tensor] = {}
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        hidden = network.lower(*map(torch.from_numpy, padded([tokens[row] for row in rows])))
        for row, state in zip(rows, hidden, strict=True):
            states[row] = state[: len(tokens[row])].clone()
    return [states[row] for row in range(len(tokens))]


def _bias(attention_mask: torch.Tensor) -> torch.Tensor:
    return (1.0 - attention_mask[:, None, None, :].float()) * MASKED
