"""Advice on personal finance by a Gemini that is tuned on Vertex AI, asked there, and kept within guardrails here."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nivesh.data.advice import tokens
from nivesh.errors import DataError, SettingsError
from nivesh.models.gemini_advisor import answer_rules, rules, scoring
from nivesh.models.gemini_advisor.advisor import Advisor
from nivesh.models.gemini_advisor.terms import INSTRUCTIONS, MARK, SPEC, Answer, Request
from nivesh.spec import Split

__all__ = ["SPEC", "Answer", "Request"]
HELD_OUT = 0.15
VALIDATION = 0.1
FEWEST = 20  # examples; Google recommends a hundred


def build_features(frame: pd.DataFrame) -> pd.DataFrame:
    """Examples are learned from as they are."""
    return frame


def split(frame: pd.DataFrame, seed: int) -> Split:
    """Hold out 15 % of the examples, whole groups of near-duplicates (of questions or of answers) at a time.

    Raises:
        DataError: there are too few examples.
    """
    if len(frame) < FEWEST:
        raise DataError(f"{len(frame)} examples cannot be divided; write at least {FEWEST}, better 100 or more")
    mask = _apart(frame, HELD_OUT, seed)
    why = "15 % of the examples at random; those with nearly the same question or answer stay on one side"
    return Split(frame[~mask].reset_index(drop=True), frame[mask].reset_index(drop=True), why)


def fit(
    train: pd.DataFrame,
    *,
    progress: Callable[[float, str], None],
    base_model: str = "gemini-2.5-flash",
    epochs: int = 3,
    adapter_size: int = 4,
    learning_rate_multiplier: float = 1.0,
    max_cost: float = 20.0,
    seed: int = 0,
) -> Advisor:
    """Tune a Gemini on Vertex AI, or find the job that does so already, and wait for its endpoint.

    Args:
        train: Columns input and output.
        progress: Told the share that is done, 0..1, and the job's state.
        base_model: Google's name of the model to tune.
        epochs: Passes over the examples; each is paid.
        adapter_size: Of the low-rank adapter: 1, 2, 4, 8 or 16.
        learning_rate_multiplier: On the rate that Vertex AI chooses.
        max_cost: US dollars; a job that is estimated above is not started.
        seed: Draws the examples that Vertex AI validates on while it tunes.

    Raises:
        DataError: too few examples.
        SettingsError: no project or bucket is set, a parameter is out of range, or the job would cost too much.
        VertexRefused, VertexUnavailable, TuningFailed: what Vertex AI said; a job on its way goes on without us.
    """
    from nivesh.vertex import connection, tuning, uploads

    if len(train) < FEWEST:
        raise DataError(f"{len(train)} examples are too few to tune on; write at least {FEWEST}")
    plan = estimate(train, base_model, epochs)
    if plan["dollars"] > max_cost:
        raise SettingsError(
            f"tuning would cost about ${plan['dollars']:.2f}, more than max_cost=${max_cost:.2f}; raise it"
        )
    used = {
        "base_model": base_model,
        "epochs": epochs,
        "adapter_size": adapter_size,
        "learning_rate_multiplier": learning_rate_multiplier,
        "seed": seed,
    }
    check_parameters(used)
    wanted = order(train, used)
    for number, content in enumerate(_files(train, seed)):
        progress(0.01 * number, "uploading")
        uploads.upload(content)
    job = tuning.wait(tuning.start(wanted).name, lambda share, text: progress(0.02 + 0.97 * share, text))
    progress(1.0, "tuned")
    return Advisor(
        endpoint=job.tuned_model.endpoint,
        base=connection.base_model(base_model),
        job=job.name,
        billed_tokens=job.tuning_data_stats.supervised_tuning_data_stats.total_billable_token_count,
        price=plan["price"],
        instructions=INSTRUCTIONS,
        guardrails=tuple(dict.fromkeys(rule.name for rule in (*rules.QUESTIONS, *answer_rules.ANSWERS))),
    )


def evaluate(model: Advisor, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
    """Tuned beside base on held-out questions; the base model, with the same instructions, is the baseline.

    Raises:
        DataError: there are no rows.
        VertexRefused, VertexUnavailable: a question got no answer.
    """
    questions, references = _columns(test)
    tuned, base = ([reply.text for reply in model.replies(one, questions)] for one in (model.endpoint, model.base))
    ours, theirs = scoring.scores(tuned, references, questions), scoring.scores(base, references, questions)
    return {
        **ours,
        **scoring.refusals(questions, tuned, references),
        **{f"baseline_{name}": value for name, value in theirs.items()},
        "rows": len(questions),
        "billed_tokens": model.billed_tokens,
    }


def plot(model: Advisor, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None) -> list[Path]:
    """Write base_and_tuned.png, and answers.md with every question's three answers."""
    questions, references = _columns(test)
    tuned, base = ([reply.text for reply in model.replies(one, questions)] for one in (model.endpoint, model.base))
    rows = [
        {"question": q, "people": r, "base": b, "tuned": t}
        for q, r, b, t in zip(questions, references, base, tuned, strict=True)
    ]
    folder = Path(folder)
    chart = scoring.draw(
        scoring.scores(tuned, references, questions), scoring.scores(base, references, questions), folder
    )
    return [chart, scoring.table(rows, folder)]


def predict(model: Advisor, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One answer per request, guarded; refusals and outages are answers too, told by ``outcome``."""
    return [model.answer(request) for request in requests]


def predict_frame(model: Advisor, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with the columns answer, outcome and reason added."""
    answers = predict(model, [{"question": question} for question in frame["input"]])
    return frame.assign(**{name: [answer[name] for answer in answers] for name in ("answer", "outcome", "reason")})


def save(model: Advisor, folder: Path) -> None:
    """Write advisor.json."""
    model.save(Path(folder))


def load(folder: Path) -> Advisor:
    """The advisor that ``save`` wrote.

    Raises:
        DataError: the folder holds none.
    """
    return Advisor.load(Path(folder))


def check_parameters(used: dict[str, Any]) -> None:
    """Refuse parameters of ``fit`` that Vertex AI would refuse after the data are uploaded.

    Raises:
        SettingsError: names the parameter and what it may be.
    """
    from nivesh.vertex.tuning import ADAPTERS

    if used["adapter_size"] not in ADAPTERS:
        raise SettingsError(f"adapter_size={used['adapter_size']}: use one of {', '.join(map(str, ADAPTERS))}")
    if used["epochs"] < 1:
        raise SettingsError(f"epochs={used['epochs']}: give 1 or more")
    if not 0 < used["learning_rate_multiplier"] < math.inf:
        raise SettingsError(f"learning_rate_multiplier={used['learning_rate_multiplier']}: give a number above 0")


def estimate(rows: pd.DataFrame, base_model: str, epochs: int) -> dict[str, Any]:
    """What tuning on rows costs, rather too high: tokens of one pass, US dollars, and the price they follow from."""
    from nivesh.vertex.prices import price

    one = price(base_model)
    count = int(rows["tokens"].sum() + len(rows) * tokens(INSTRUCTIONS))
    return {"tokens": count, "dollars": one.of_tuning(count, epochs), "price": one}


def conversations(rows: pd.DataFrame) -> bytes:
    """Examples as JSON lines of Vertex AI: instructions, the person's turn, the model's turn.

    ``instruction`` of the guide's format says what a person asks in the writer's words. Nobody says it to the served
    model, so it is left out here too. Answers that decline get the mark by which the served model tells it.
    """
    lines = []
    for question, answer, declines in zip(rows["input"], rows["output"], scoring.due(rows["output"]), strict=True):
        turns = [("user", question), ("model", f"{MARK} {answer}" if declines else answer)]
        line = {
            "systemInstruction": {"role": "system", "parts": [{"text": INSTRUCTIONS}]},
            "contents": [{"role": role, "parts": [{"text": text}]} for role, text in turns],
        }
        lines.append(json.dumps(line, ensure_ascii=False))
    return ("\n".join(lines) + "\n").encode()


def order(train: pd.DataFrame, used: dict[str, Any]) -> Any:
    """The tuning job (``nivesh.vertex.tuning.Order``) that ``fit`` orders for these rows and parameters."""
    from nivesh.vertex import tuning, uploads

    training, validation = map(uploads.address, _files(train, used["seed"]))
    shared = ("base_model", "epochs", "adapter_size", "learning_rate_multiplier")
    return tuning.Order(training_data=training, validation_data=validation, **{name: used[name] for name in shared})


def _files(train: pd.DataFrame, seed: int) -> tuple[bytes, bytes]:
    """Training and validation data as Vertex AI reads them."""
    validation = _apart(train, VALIDATION, seed)
    return conversations(train[~validation]), conversations(train[validation])


def _apart(frame: pd.DataFrame, share: float, seed: int) -> np.ndarray:
    """Which rows to hold out, in whole groups of near-duplicates. Bool, (rows,)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    from nivesh.text.near_duplicates import groups

    rows = np.arange(len(frame))
    labels = [groups(frame[name].tolist()) for name in ("input", "output")]
    first = np.concatenate([np.unique(label, return_index=True)[1][label] for label in labels])
    linked = coo_matrix((np.ones(2 * len(rows), bool), (np.tile(rows, 2), first)), shape=(len(rows), len(rows)))
    group = connected_components(linked, directed=False)[1]
    due, mask = scoring.due(frame["output"]), np.zeros(len(frame), bool)
    for these in (due, ~due):  # refusals are few: some of them must be judged, and some learned from
        wanted = max(1, round(share * these.sum()))
        for one in np.random.default_rng(seed).permutation(np.unique(group[these])):
            members = group == one
            if (mask & these).sum() + members.sum() <= wanted:
                mask |= members
    if not mask.any():
        raise DataError("the examples are nearly all the same; write different ones")
    return mask


def _columns(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    if frame.empty:
        raise DataError("no rows to measure with; give examples with their answers")
    return frame["input"].tolist(), frame["output"].tolist()
