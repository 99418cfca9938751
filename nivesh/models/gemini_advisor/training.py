"""Tune a Gemini on Vertex AI: the split of the examples, the price before anything is paid, the tuning job."""

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from nivesh.data.advice import tokens
from nivesh.errors import DataError, SettingsError
from nivesh.models.gemini_advisor import guardrails, judge
from nivesh.models.gemini_advisor.advisor import Advisor
from nivesh.models.gemini_advisor.schema import INSTRUCTIONS, MARK
from nivesh.spec import Split
from nivesh.vertex.prices import Price, price

if TYPE_CHECKING:
    from nivesh.vertex.tuning import TuningRequest

TEST_FRACTION = 0.15
VALIDATION_FRACTION = 0.1  # of the training rows; Vertex AI reports its loss on them
MIN_EXAMPLES = 20  # Google recommends a hundred


class Estimate(NamedTuple):
    """What tuning would cost.

    Attributes:
        tokens: of one pass over the training data, the system instruction included; an upper estimate.
        dollars: US dollars for all epochs.
        price: the row of the price table that the estimate follows from.
    """

    tokens: int
    dollars: float
    price: Price


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out 15 % of the examples, in whole groups of near-duplicate questions or answers.

    Raises:
        DataError: there are too few examples.
    """
    if len(frame) < MIN_EXAMPLES:
        raise DataError(f"{len(frame)} examples cannot be split; write at least {MIN_EXAMPLES}, better 100 or more")
    mask = _held_out(frame, TEST_FRACTION, seed)
    why = "15 % of the examples at random; those with nearly the same question or answer stay on one side"
    return Split(frame[~mask].reset_index(drop=True), frame[mask].reset_index(drop=True), why)


def fit(
    train: pd.DataFrame,
    *,
    progress: Callable[[float, str], None],
    base_model: str = "gemini-2.5-flash",
    judge_model: str = "gemini-2.5-flash-lite",
    epochs: int = 3,
    adapter_size: int = 4,
    learning_rate_multiplier: float = 1.0,
    max_cost: float = 20.0,
    seed: int = 0,
) -> Advisor:
    """Tune a Gemini on Vertex AI, or find the job of the same data and parameters, and wait for its endpoint.

    Args:
        train: columns input, output and tokens, as ``nivesh.data.advice`` reads them.
        progress: called with the finished fraction, 0 to 1, and the job's state.
        base_model: Google's name of the model to tune.
        judge_model: Google's name of the model that decides whether an answer may be shown.
        epochs: passes over the examples; each is billed.
        adapter_size: rank of the low-rank adapter: 1, 2, 4, 8, 16 or 32.
        learning_rate_multiplier: factor on the learning rate that Vertex AI chooses.
        max_cost: US dollars; a job with a higher estimate is not started.
        seed: draws the examples that Vertex AI validates on while it tunes.

    Raises:
        DataError: too few examples.
        SettingsError: no project or bucket is set, a parameter is out of range, or the job would cost too much.
        VertexRefused, VertexUnavailable, TuningFailed: the error of Vertex AI; a running job is not cancelled.
    """
    from nivesh.vertex import connection, tuning, uploads

    if len(train) < MIN_EXAMPLES:
        raise DataError(f"{len(train)} examples are too few to tune on; write at least {MIN_EXAMPLES}")
    expected = estimate(train, base_model, epochs)
    if expected.dollars > max_cost:
        raise SettingsError(
            f"tuning would cost about ${expected.dollars:.2f}, more than max_cost=${max_cost:.2f}; raise it"
        )
    judge_price = price(judge_model)
    parameters = {
        "base_model": base_model,
        "epochs": epochs,
        "adapter_size": adapter_size,
        "learning_rate_multiplier": learning_rate_multiplier,
        "seed": seed,
    }
    check_parameters(parameters)
    request = tuning_request(train, parameters)
    for number, content in enumerate(_files(train, seed)):
        progress(0.01 * number, "uploading")
        uploads.upload(content)
    job = tuning.wait(tuning.start(request).name, lambda fraction, text: progress(0.02 + 0.97 * fraction, text))
    progress(1.0, "tuned")
    return Advisor(
        endpoint=job.tuned_model.endpoint,
        base=connection.base_model(base_model),
        judge_model=connection.base_model(judge_model),
        job=job.name,
        billed_tokens=job.tuning_data_stats.supervised_tuning_data_stats.total_billable_token_count,
        price=expected.price,
        judge_price=judge_price,
        instructions=INSTRUCTIONS,
        guardrails=(*guardrails.rule_names(), *judge.REASONS),
    )


def check_parameters(parameters: dict[str, Any]) -> None:
    """Check parameters of ``fit`` that Vertex AI would refuse only after the upload.

    Raises:
        SettingsError: names the parameter and its range.
    """
    from nivesh.vertex.tuning import ADAPTERS

    if parameters["adapter_size"] not in ADAPTERS:
        raise SettingsError(f"adapter_size={parameters['adapter_size']}: use one of {', '.join(map(str, ADAPTERS))}")
    if parameters["epochs"] < 1:
        raise SettingsError(f"epochs={parameters['epochs']}: give 1 or more")
    multiplier = parameters["learning_rate_multiplier"]
    if not 0 < multiplier < math.inf:
        raise SettingsError(f"learning_rate_multiplier={multiplier}: give a number above 0")


def estimate(rows: pd.DataFrame, base_model: str, epochs: int) -> Estimate:
    """An upper estimate of the cost of tuning on rows.

    Raises:
        SettingsError: the price table has no such model.
    """
    model_price = price(base_model)
    count = int(rows["tokens"].sum() + len(rows) * tokens(INSTRUCTIONS))
    return Estimate(count, model_price.of_tuning(count, epochs), model_price)


def conversations(rows: pd.DataFrame) -> bytes:
    """Examples as Vertex AI's JSON lines: system instruction, user turn, model turn.

    ``instruction`` of the input format describes the user's intent in the writer's words. The served model never sees
    it, so it is left out here too. Answers that decline start with the mark by which serving recognises them.
    """
    from nivesh.models.gemini_advisor.evaluation import declines

    lines = []
    for question, answer, declined in zip(rows["input"], rows["output"], declines(rows["output"]), strict=True):
        turns = [("user", question), ("model", f"{MARK} {answer}" if declined else answer)]
        line = {
            "systemInstruction": {"role": "system", "parts": [{"text": INSTRUCTIONS}]},
            "contents": [{"role": role, "parts": [{"text": text}]} for role, text in turns],
        }
        lines.append(json.dumps(line, ensure_ascii=False))
    return ("\n".join(lines) + "\n").encode()


def tuning_request(train: pd.DataFrame, parameters: dict[str, Any]) -> "TuningRequest":
    """The tuning job that ``fit`` requests for these rows and parameters."""
    from nivesh.vertex import tuning, uploads

    training, validation = map(uploads.address, _files(train, parameters["seed"]))
    names = ("base_model", "epochs", "adapter_size", "learning_rate_multiplier")
    return tuning.TuningRequest(
        training_data=training, validation_data=validation, **{name: parameters[name] for name in names}
    )


def _files(train: pd.DataFrame, seed: int) -> tuple[bytes, bytes]:
    """Training and validation data in Vertex AI's format."""
    validation = _held_out(train, VALIDATION_FRACTION, seed)
    return conversations(train[~validation]), conversations(train[validation])


def _held_out(frame: pd.DataFrame, fraction: float, seed: int) -> np.ndarray:
    """Which rows to hold out, in whole groups of near-duplicates. Bool, shape (rows,).

    Refusals are few, and both sides need some: they are held out in proportion.

    Raises:
        DataError: all examples are near-duplicates of each other.
    """
    from nivesh.models.gemini_advisor.evaluation import declines
    from nivesh.text import near_duplicates

    texts = frame["input"].tolist(), frame["output"].tolist()
    return near_duplicates.held_out(*texts, share=fraction, seed=seed, strata=declines(texts[1]).tolist())
