"""Fitting the network: batches, the loop, and the trained network as ONNX. The one module here that needs torch."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from spacy.language import Language
from tokenizers import Tokenizer
from torch import Tensor, nn

from nivesh.models.financial_ner import tags, windows
from nivesh.models.financial_ner.augment import Augmenter
from nivesh.models.financial_ner.features import LEXICON, TABLES
from nivesh.models.financial_ner.network import Tagger
from nivesh.settings import thread_count
from nivesh.text.encoder import encoder_folder

AVERAGE = 0.98  # how much of the running mean of the weights stays at each step


@dataclass(frozen=True)
class Options:
    """How to train; see ``fit`` of the package for what each means."""

    iterations: int
    batch_size: int
    learning_rate: float
    head_learning_rate: float
    dropout: float
    augmented: float
    frozen_layers: int
    min_texts: int
    seed: int


@dataclass(frozen=True)
class Example:
    """A text as the network sees it, and its tags of shape (tokens,)."""

    window: windows.Window
    tags: np.ndarray


def train(rows: list[dict], nlp: Language, options: Options, progress: Callable[[float, str], None]) -> tuple:
    """Fit the network.

    Args:
        rows: {"text", "entities"} to learn from.
        nlp: The pipeline whose tokenizer cuts the texts.
        options: How to train.
        progress: Called with the share done and a text, several times an iteration.

    Returns:
        (ONNX bytes, JSON of the word-piece tokenizer, transitions) as ``EntityTagger.with_network`` takes them.
    """
    torch.set_num_threads(thread_count())
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    content = (encoder_folder() / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer = windows.piece_tokenizer(content)
    network = Tagger(_encoder(encoder_folder(), options.frozen_layers), dropout=options.dropout)
    shown = rows * -(-options.min_texts // len(rows)) if options.min_texts > len(rows) else rows
    steps = options.iterations * -(-len(shown) // options.batch_size)
    optimizer, schedule = _optimizer(network, options, steps)
    augment = Augmenter(rows, rng)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    mean = [weight.detach().clone() for weight in weights]
    network.train()
    done = 0
    for iteration in range(options.iterations):
        # The last passes see fewer swapped texts, which are a little less natural than written ones.
        share = options.augmented if iteration < 0.8 * options.iterations else options.augmented / 2
        seen = [augment(row) if rng.random() < share else row for row in shown]
        examples = [example for row in seen if (example := _example(row, nlp, tokenizer))]
        losses = []
        for batch in _batches(examples, options.batch_size, rng):
            losses.append(_step(network, optimizer, batch))
            schedule.step()
            done += 1
            # The running mean forgets the first weights quickly, then holds on to AVERAGE of what it has.
            torch._foreach_lerp_(mean, [weight.detach() for weight in weights], 1 - min(AVERAGE, done / (9 + done)))
            if done % 5 == 0:
                progress(
                    0.97 * min(done / steps, 1),
                    f"iteration {iteration + 1}/{options.iterations}, loss {np.mean(losses):.3f}",
                )
    with torch.no_grad():
        torch._foreach_copy_(weights, mean)  # the mean over the last steps errs less than the last step
    network.eval()
    progress(0.98, "exporting to ONNX")
    start, step, end = (part.detach().numpy().round(4).tolist() for part in network.transitions())
    return export(network), content, {"tags": list(tags.TAGS), "start": start, "step": step, "end": end}


def _encoder(folder: Path, frozen: int) -> nn.Module:
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    encoder = AutoModel.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", add_pooling_layer=False
    )
    encoder.embeddings.requires_grad_(False)  # a few thousand texts would only move the words that they contain
    for layer in encoder.encoder.layer[:frozen]:
        layer.requires_grad_(False)
    return encoder


def _optimizer(network: Tagger, options: Options, steps: int):
    """AdamW with smaller rates for lower layers of the encoder, and a rate that rises and then falls linearly."""
    layers = network.encoder.encoder.layer
    groups = [
        {"params": list(layers[i].parameters()), "lr": options.learning_rate * 0.9 ** (len(layers) - 1 - i)}
        for i in range(options.frozen_layers, len(layers))
    ]
    head = [weight for name, weight in network.named_parameters() if not name.startswith("encoder.")]
    groups.append({"params": head, "lr": options.head_learning_rate})
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    warm = max(1, steps // 10)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, 1) * max(0.02, 1 - step / max(steps, 1))
    )


def _example(row: dict, nlp: Language, tokenizer: Tokenizer) -> Example | None:
    """The first window of a text; labels that cut through a token are left out. None for a text without tokens."""
    doc = nlp.make_doc(row["text"])
    parts = windows.windows(doc, tokenizer)
    if not parts:
        return None
    spans = [(doc.char_span(e["start"], e["end"]), e["label"]) for e in row["entities"]]
    true = tags.encode([(span.start, span.end, label) for span, label in spans if span is not None], len(doc))
    return Example(parts[0], true[: parts[0].end])


def _batches(examples: list[Example], size: int, rng: np.random.Generator) -> list[list[Example]]:
    """Random batches of texts of about one length, so that little is padded."""
    order = rng.permutation(len(examples))
    batches = []
    for at in range(0, len(order), 8 * size):
        chunk = sorted(order[at : at + 8 * size], key=lambda i: len(examples[i].window.pieces))
        batches += [[examples[i] for i in chunk[k : k + size]] for k in range(0, len(chunk), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _step(network: Tagger, optimizer: torch.optim.Optimizer, batch: list[Example]) -> float:
    inputs, true, lengths = _collate(batch)
    *_, attributes, lexicon, _ = inputs
    # Words seen in training must not be known by their spelling alone, nor merchants by the list alone.
    attributes[torch.rand(attributes.shape) < 0.1] = 0
    lexicon.mul_((torch.rand(len(batch), 1, 1) > 0.15).float())
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported()):
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

    def __init__(self, network: Tagger):
        super().__init__()
        self.network = network

    def forward(self, pieces, align, attributes, lexicon):
        ones = torch.ones_like(attributes[:, :, :1], dtype=torch.float32)
        return self.network(pieces, torch.ones_like(pieces), align, attributes, lexicon, ones)


def export(network: Tagger) -> bytes:
    """The trained network as ONNX, its matrix products and word vectors in 8 bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    pieces = torch.tensor([[101, 1045, 102]])
    example = (
        pieces,
        torch.ones(1, 2, 3) / 3,
        torch.ones(1, 2, len(TABLES), dtype=torch.long),
        torch.zeros(1, 2, LEXICON),
    )
    names = ["pieces", "align", "attributes", "lexicon"]
    axes = {
        "pieces": {1: "p"},
        "align": {1: "t", 2: "p"},
        "attributes": {1: "t"},
        "lexicon": {1: "t"},
        "scores": {1: "t"},
    }
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of checks that hold for every length
        exact, plain, small = (Path(folder, name) for name in ("exact.onnx", "plain.onnx", "small.onnx"))
        torch.onnx.export(
            _Served(network).eval(),
            example,
            exact,
            input_names=names,
            output_names=["scores"],
            dynamic_axes=axes,
            dynamo=False,
        )
        quant_pre_process(exact, plain, skip_symbolic_shape=True)
        quantize_dynamic(
            plain, small, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gather"]
        )
        return small.read_bytes()
