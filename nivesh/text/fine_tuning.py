"""What fine-tuning a pretrained encoder needs, whatever the task: weights, batches, rates, export. Needs torch."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nivesh.settings import thread_count
from nivesh.text.encoder import encoder_folder

OPSET = 17  # of the exported ONNX graphs
WARM_UP = 0.1  # share of the steps in which the learning rate rises


def start(seed: int) -> None:
    """Seed torch and give it as many threads as the process may use."""
    torch.manual_seed(seed)
    torch.set_num_threads(thread_count())


def pretrained() -> Any:
    """The pretrained encoder as a ``transformers`` model without pooling, in float32."""
    from transformers import AutoModel

    with quiet():
        # eager attention is the kind that exports to plain ONNX operators
        return AutoModel.from_pretrained(
            encoder_folder(), dtype=torch.float32, attn_implementation="eager", local_files_only=True
        )


def native_bfloat16() -> bool:
    """Whether this processor computes in bfloat16 itself; where it is emulated it is slower than float32."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def linear_schedule(optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """Rates that rise over the first ``WARM_UP`` of the steps and then fall linearly to 0."""
    rising = max(1, round(WARM_UP * steps))
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rising, max(0, steps - step) / max(1, steps - rising))
    )


def batches_by_length(
    lengths: Sequence[int], size: int, generator: np.random.Generator, noise: float = 6.0
) -> list[np.ndarray]:
    """Row numbers in batches of texts of about one length, so that little is padded, in random order.

    Args:
        lengths: of the texts, in tokens.
        size: of a batch, in texts.
        generator: draws the order of the batches, and the noise.
        noise: tokens; added to the lengths, so that batches differ from epoch to epoch.
    """
    order = np.argsort(np.array(lengths) + generator.uniform(0, noise, len(lengths)))
    batches = [order[first : first + size] for first in range(0, len(order), size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def export_onnx(
    network: torch.nn.Module,
    example: tuple[torch.Tensor, ...],
    path: Path,
    *,
    inputs: Sequence[str],
    output: str,
    free: dict[str, dict[int, str]],
) -> None:
    """Write a network as ONNX; ``free`` names the axes of inputs and output that have no fixed length."""
    with quiet():
        # the newer exporter (dynamo) needs a package more and gives the same graph
        torch.onnx.export(
            network.eval(), example, path, input_names=list(inputs), output_names=[output],
            dynamic_axes=free, opset_version=OPSET, dynamo=False,
        )  # fmt: skip


def quantise(full: Path, small: Path, operators: list[str] | None = None) -> None:
    """Write a copy of an ONNX file with int8 weights, of the given kinds of operators or of all that can be."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    root.addFilter(_is_no_advice)
    try:
        quantize_dynamic(full, small, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=operators)
    finally:
        root.removeFilter(_is_no_advice)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings and no progress bars of third parties in the users' terminal."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()
