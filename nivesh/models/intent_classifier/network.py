"""The encoder with its classification head: fine-tuning in torch, export to ONNX. Imported by training only."""

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModel

from nivesh.errors import SettingsError
from nivesh.models.intent_classifier.classifier import INPUTS, OUTPUT, padded

SORTING_NOISE = 6  # tokens; batches of like length save padding, the noise keeps them different from epoch to epoch
MASKED = -1e4  # added to the attention scores of padding
WARM_UP = 0.1  # share of the steps
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

    def __init__(self, folder: Path, classes: int, frozen: int):
        super().__init__()
        # eager attention is the kind that exports to plain ONNX operators
        encoder = AutoModel.from_pretrained(folder, attn_implementation="eager", local_files_only=True)
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


def new_network(folder: Path, classes: int, schedule: Schedule) -> Network:
    """A network with pretrained encoder and a fresh head."""
    torch.manual_seed(schedule.seed)
    with _quiet():
        return Network(folder, classes, schedule.frozen_layers)


def train(
    network: Network, tokens: list[list[int]], labels: np.ndarray, schedule: Schedule, tell: Callable[[float], None]
) -> None:
    """Fine-tune in place. ``tokens`` are the ids of each text, ``labels`` (texts,) its class; ``tell`` gets 0..1."""
    generator = np.random.default_rng(schedule.seed)
    torch.manual_seed(schedule.seed)
    steps = schedule.epochs * math.ceil(len(tokens) / schedule.batch_size)
    layers, head = list(network.upper_layers.parameters()), list(network.head.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": layers, "lr": schedule.learning_rate}, {"params": head, "lr": schedule.head_rate}],
        weight_decay=WEIGHT_DECAY,
        fused=True,
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _slope(step, steps))
    lower = _lower_states(network, tokens)  # once for all epochs: that part never changes
    network.train()
    done = 0
    for _ in range(schedule.epochs):
        for rows in _batches([len(ids) for ids in tokens], schedule.batch_size, generator):
            hidden = torch.nn.utils.rnn.pad_sequence([lower[row] for row in rows], batch_first=True)
            mask = torch.from_numpy(padded([tokens[row] for row in rows])[1])
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_has_bfloat16()):
                logits = network.upper(hidden, mask)
            target = torch.from_numpy(labels[rows])
            loss = functional.cross_entropy(logits.float(), target, label_smoothing=schedule.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*layers, *head], 1.0)
            optimizer.step()
            rate.step()
            done += 1
            tell(done / steps)
    network.eval()


@torch.no_grad()
def logits_of(network: Network, tokens: list[list[int]], batch_size: int = 64) -> np.ndarray:
    """What the network says in torch. Shape (texts, classes), float32."""
    network.eval()
    starts = range(0, len(tokens), batch_size)
    return np.concatenate(
        [network(*map(torch.from_numpy, padded(tokens[start : start + batch_size]))).numpy() for start in starts]
    )


def to_onnx(network: Network, path: Path) -> None:
    """Write the network as one ONNX file whose batch and length are free."""
    sample = tuple(torch.ones(2, 7, dtype=torch.long) for _ in INPUTS)
    free = {name: {0: "texts", 1: "tokens"} for name in INPUTS} | {OUTPUT: {0: "texts"}}
    with _quiet():
        # the newer exporter needs a package more and gives the same graph
        torch.onnx.export(
            network.eval(), sample, path, input_names=list(INPUTS), output_names=[OUTPUT],
            dynamic_axes=free, opset_version=17, dynamo=False,
        )  # fmt: skip


def quantise(full: Path, small: Path) -> None:
    """Write a copy with int8 weights."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    root.addFilter(_is_no_advice)
    try:
        quantize_dynamic(full, small, weight_type=QuantType.QInt8, per_channel=True)
    finally:
        root.removeFilter(_is_no_advice)


@torch.no_grad()
def _lower_states(network: Network, tokens: list[list[int]], batch_size: int = 64) -> list[torch.Tensor]:
    """Hidden states of each text after the frozen part, (tokens, width)."""
    network.eval()
    states: list[torch.Tensor | None] = [None] * len(tokens)
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        hidden = network.lower(*map(torch.from_numpy, padded([tokens[row] for row in rows])))
        for row, state in zip(rows, hidden, strict=True):
            states[row] = state[: len(tokens[row])].clone()
    return states


def _bias(attention_mask: torch.Tensor) -> torch.Tensor:
    return (1.0 - attention_mask[:, None, None, :].float()) * MASKED


def _slope(step: int, steps: int) -> float:
    """Share of the full learning rate: up over the first steps, then down to 0 in a line."""
    rising = max(1, round(WARM_UP * steps))
    return (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)


def _batches(lengths: list[int], size: int, generator: np.random.Generator) -> list[np.ndarray]:
    order = np.argsort(np.array(lengths) + generator.uniform(0, SORTING_NOISE, len(lengths)))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def _has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16 itself; where it is emulated it is slower than float32."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()


@contextlib.contextmanager
def _quiet():
    """No warnings and no progress bars of third parties in the users' terminal."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
