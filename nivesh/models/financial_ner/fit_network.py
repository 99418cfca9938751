"""Fitting the network: batches, the loop, and the trained network as ONNX. Needs torch."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from spacy.language import Language
from spacy.training import offsets_to_biluo_tags
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from nivesh.models.financial_ner import windows
from nivesh.models.financial_ner.augmentation import Augmenter
from nivesh.models.financial_ner.features import LEXICON, TABLES
from nivesh.models.financial_ner.network import TagNetwork
from nivesh.models.financial_ner.tagger import Network
from nivesh.models.financial_ner.tags import tag_names
from nivesh.models.financial_ner.training import Options
from nivesh.models.interface import Progress
from nivesh.text import fine_tuning
from nivesh.text.encoder import encoder_folder

AVERAGE = 0.98  # decay of the moving average of the weights
INPUTS, OUTPUT = ("pieces", "align", "attributes", "lexicon"), "scores"  # of the ONNX graph


@dataclass(frozen=True)
class Example:
    """A text as the network sees it, and its tags of shape (tokens,)."""

    window: windows.Window
    tags: np.ndarray


def fit_network(
    rows: list[dict[str, Any]], labels: list[str], nlp: Language, options: Options, progress: Progress
) -> Network:
    """Fit the network.

    Args:
        rows: {"text", "entities"} to train on.
        labels: of the entities.
        nlp: the pipeline whose tokenizer cuts the texts.
        options: how to train.
        progress: called several times an iteration with the finished fraction, 0 to 1, and what is being done.
    """
    fine_tuning.start(options.seed)
    rng = np.random.default_rng(options.seed)
    content = (encoder_folder() / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer = windows.piece_tokenizer(content)
    tags = tag_names(labels)
    network = TagNetwork(_encoder(options.frozen_layers), tags, dropout=options.dropout)
    repeated = rows * -(-options.min_texts // len(rows)) if options.min_texts > len(rows) else rows
    steps = options.iterations * -(-len(repeated) // options.batch_size)
    optimizer = _optimizer(network, options)
    schedule = fine_tuning.linear_schedule(optimizer, steps)
    augment = Augmenter(rows, rng)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    mean = [weight.detach().clone() for weight in weights]
    network.train()
    done = 0
    for iteration in range(options.iterations):
        # The last passes see fewer augmented texts, which are a little less natural than written ones.
        share = options.augmented if iteration < 0.8 * options.iterations else options.augmented / 2
        texts = [augment(row) if rng.random() < share else row for row in repeated]
        examples = [example for row in texts if (example := _example(row, nlp, tokenizer, tags))]
        lengths = [len(example.window.pieces) for example in examples]
        losses = []
        for batch in fine_tuning.batches_by_length(lengths, options.batch_size, rng):
            losses.append(_step(network, optimizer, [examples[i] for i in batch]))
            schedule.step()
            done += 1
            # The moving average forgets the first weights quickly, then decays with AVERAGE.
            decay = min(AVERAGE, done / (9 + done))
            get_ema_multi_avg_fn(decay)(mean, [weight.detach() for weight in weights], done)
            if done % 5 == 0:
                progress(
                    0.97 * min(done / steps, 1),
                    f"iteration {iteration + 1}/{options.iterations}, loss {np.mean(losses):.3f}",
                )
    with torch.no_grad():
        for weight, average in zip(weights, mean, strict=True):
            weight.copy_(average)  # the mean over the last steps errs less than the last step
    network.eval()
    progress(0.98, "exporting to ONNX")
    start, step, end = (part.detach().numpy().round(4).tolist() for part in network.transitions())
    return Network(export(network), content, tags, {"start": start, "step": step, "end": end})


def _encoder(frozen: int) -> Any:
    encoder = fine_tuning.pretrained()
    encoder.embeddings.requires_grad_(False)  # a few thousand texts would only move the words that they contain
    for layer in encoder.encoder.layer[:frozen]:
        layer.requires_grad_(False)
    return encoder


def _optimizer(network: TagNetwork, options: Options) -> torch.optim.Optimizer:
    """AdamW with smaller rates for lower layers of the encoder."""
    layers = network.encoder.encoder.layer
    groups = [
        {"params": list(layers[i].parameters()), "lr": options.learning_rate * 0.9 ** (len(layers) - 1 - i)}
        for i in range(options.frozen_layers, len(layers))
    ]
    head = [weight for name, weight in network.named_parameters() if not name.startswith("encoder.")]
    groups.append({"params": head, "lr": options.head_learning_rate})
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)


def _example(row: dict[str, Any], nlp: Language, tokenizer: Tokenizer, tags: tuple[str, ...]) -> Example | None:
    """The first window of a text; None for a text without tokens. Entities that cut a token count as outside."""
    doc = nlp.make_doc(row["text"])
    parts = windows.windows(doc, tokenizer)
    if not parts:
        return None
    entities = [(span["start"], span["end"], span["label"]) for span in row["entities"]]
    with fine_tuning.quiet():  # spaCy warns of entities that cut a token
        named = offsets_to_biluo_tags(doc, entities)
    numbers = np.array([max(0, tags.index(tag) if tag != "-" else 0) for tag in named])
    return Example(parts[0], numbers[: parts[0].end])


def _step(network: TagNetwork, optimizer: torch.optim.Optimizer, batch: list[Example]) -> float:
    inputs, true, lengths = _collate(batch)
    *_, attributes, lexicon, _ = inputs
    # The network must not rely on spelling alone for words of the training texts, nor on the lexicon alone for merchants.
    attributes[torch.rand(attributes.shape) < 0.1] = 0
    lexicon.mul_((torch.rand(len(batch), 1, 1) > 0.15).float())
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fine_tuning.native_bfloat16()):
        scores = network(*inputs)
    loss = network.loss(scores.float(), true, lengths)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _collate(batch: list[Example]) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
    """((pieces, piece_mask, align, attributes, lexicon, token_mask), tags, lengths), padded with zeros."""
    count = len(batch)
    # Few different sizes: the CPU kernels keep memory for each size that they have met.
    width = _up(max(len(example.window.pieces) for example in batch))
    length = _up(max(len(example.tags) for example in batch))
    pieces, piece_mask = torch.zeros(count, width, dtype=torch.long), torch.zeros(count, width)
    align, token_mask = torch.zeros(count, length, width), torch.zeros(count, length, 1)
    attributes, lexicon = torch.zeros(count, length, len(TABLES), dtype=torch.long), torch.zeros(count, length, LEXICON)
    true = torch.zeros(count, length, dtype=torch.long)
    for i, example in enumerate(batch):
        window, p, t = example.window, len(example.window.pieces), len(example.tags)
        pieces[i, :p], piece_mask[i, :p] = torch.from_numpy(window.pieces), 1
        align[i, :t, :p], token_mask[i, :t] = torch.from_numpy(window.align), 1
        attributes[i, :t], lexicon[i, :t] = torch.from_numpy(window.attributes), torch.from_numpy(window.lexicon)
        true[i, :t] = torch.from_numpy(example.tags)
    lengths = torch.tensor([len(example.tags) for example in batch])
    return (pieces, piece_mask, align, attributes, lexicon, token_mask), true, lengths


def _up(length: int) -> int:
    return -(-length // 4) * 4


class _Served(nn.Module):
    """The network for one text: without masks, which are all ones."""

    def __init__(self, network: TagNetwork):
        super().__init__()
        self.network = network

    def forward(self, pieces: Tensor, align: Tensor, attributes: Tensor, lexicon: Tensor) -> Tensor:
        ones = torch.ones_like(attributes[:, :, :1], dtype=torch.float32)
        return cast(Tensor, self.network(pieces, torch.ones_like(pieces), align, attributes, lexicon, ones))


def export(network: TagNetwork) -> bytes:
    """The trained network as ONNX, its matrix products and word vectors in 8 bits."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    example = (
        torch.tensor([[101, 1045, 102]]),
        torch.ones(1, 2, 3) / 3,
        torch.ones(1, 2, len(TABLES), dtype=torch.long),
        torch.zeros(1, 2, LEXICON),
    )
    free = {name: {1: "tokens"} for name in ("attributes", "lexicon", OUTPUT)}
    free |= {"pieces": {1: "pieces"}, "align": {1: "tokens", 2: "pieces"}}
    with tempfile.TemporaryDirectory() as folder:
        exact, plain, small = (Path(folder, name) for name in ("exact.onnx", "plain.onnx", "small.onnx"))
        fine_tuning.export_onnx(_Served(network), example, exact, inputs=INPUTS, output=OUTPUT, free=free)
        quant_pre_process(exact, plain, skip_symbolic_shape=True)
        fine_tuning.quantise(plain, small, ["MatMul", "Gather"])
        return small.read_bytes()
