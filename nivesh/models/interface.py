"""What a model is to the rest of the platform: one typed object per key, made of six files of the same names.

nivesh/models/<key>/
    schema.py      SPEC, Request, Answer: what is fixed before any data are seen. Imports nothing heavy.
    training.py    split, fit
    inference.py   build_features, predict, predict_frame, save, load. Imports nothing that only training needs.
    evaluation.py  evaluate; optionally per_row, primary_metric, ROW_UNIT, loss and segments
    plots.py       plot
    monitoring.py  monitored, replay, samples, scores: what is compared of predictions, and measured by later labels

Every file is imported when it is first used, so that a serving image needs no torch and a pipeline is compiled without it.
"""

import importlib
import inspect
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd
from pydantic import BaseModel

from nivesh.errors import SettingsError
from nivesh.models.samples import Replay, Sample
from nivesh.settings import settings
from nivesh.spec import Spec, Split

Fitted = Any  # a trained model; its type belongs to the model's own package
Progress = Callable[[float, str], None]  # the finished fraction, 0 to 1, and what is being done


class Schema(Protocol):
    """``schema.py``"""

    SPEC: Spec
    Request: type[BaseModel]
    Answer: type[BaseModel]
    Label: Any  # a type that pydantic can check: what really was, as people tell it later
    LABEL_EXAMPLE: Any


class Training(Protocol):
    """``training.py``"""

    def split(self, frame: pd.DataFrame, seed: int) -> Split: ...

    @property
    def fit(self) -> Callable[..., Fitted]: ...  # (train, *, progress: Progress, **parameters with defaults)


class Inference(Protocol):
    """``inference.py``"""

    def build_features(self, frame: pd.DataFrame) -> pd.DataFrame: ...
    def predict(self, model: Fitted, requests: list[dict[str, Any]]) -> list[dict[str, Any]]: ...
    def predict_frame(
        self, model: Fitted, frame: pd.DataFrame, history: pd.DataFrame | None = None
    ) -> pd.DataFrame: ...
    def save(self, model: Fitted, folder: Path) -> None: ...
    def load(self, folder: Path) -> Fitted: ...


class Evaluation(Protocol):
    """``evaluation.py``"""

    def evaluate(self, model: Fitted, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]: ...


class Plots(Protocol):
    """``plots.py``"""

    def plot(
        self, model: Fitted, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None
    ) -> Sequence[Path]: ...


class Monitoring(Protocol):
    """``monitoring.py``. Requests and answers are those of the prediction log."""

    TEXT: str  # the field of a request that is a person's text; "" for none
    NO_ESTIMATE: str  # why the primary metric cannot be estimated without labels; "" where ``scores`` estimate it

    def monitored(self, request: dict[str, Any], answer: Any) -> dict[str, Any]: ...  # numbers, categories or None
    def replay(self, model: Fitted, test: pd.DataFrame, history: pd.DataFrame | None, limit: int) -> Replay: ...
    def label_names(self, label: Any) -> list[str]: ...
    def samples(self, answers: Sequence[Any], labels: Sequence[Any]) -> dict[str, Sample]: ...
    def scores(self, answers: Sequence[Any]) -> np.ndarray | None: ...


class Model:
    """One of the platform's models, by its key; ``nivesh.models.get`` gives it."""

    def __init__(self, key: str):
        self.key = key

    def __repr__(self) -> str:
        return f"Model({self.key!r})"

    def _file(self, name: str) -> Any:
        return importlib.import_module(f"nivesh.models.{self.key}.{name}")

    @property
    def _schema(self) -> Schema:
        return cast(Schema, self._file("schema"))

    @property
    def _training(self) -> Training:
        return cast(Training, self._file("training"))

    @property
    def _inference(self) -> Inference:
        return cast(Inference, self._file("inference"))

    @property
    def spec(self) -> Spec:
        """What is fixed: key, dataset, path, targets."""
        return self._schema.SPEC

    @property
    def Request(self) -> type[BaseModel]:
        """The body of a request to ``spec.path``."""
        return self._schema.Request

    @property
    def Answer(self) -> type[BaseModel]:
        """The body of an answer of ``spec.path``."""
        return self._schema.Answer

    @property
    def Label(self) -> Any:
        """The type of a label that comes after the prediction; JSON, checked by pydantic."""
        return self._schema.Label

    @property
    def label_example(self) -> Any:
        """A label of this type."""
        return self._schema.LABEL_EXAMPLE

    @property
    def monitoring(self) -> Monitoring:
        """What monitoring compares of predictions, and how it measures them by later labels."""
        return cast(Monitoring, self._file("monitoring"))

    def build_features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Checked rows of the dataset -> rows to train on or to predict. Causal: a row sees only its past."""
        return self._inference.build_features(frame)

    def labels_in(self, frame: pd.DataFrame) -> list[str]:
        """The labels of the rows that ``fit`` would train on, sorted; empty for models whose answers are no labels."""
        labels_in: Callable[[pd.DataFrame], list[str]] = getattr(self._training, "labels_in", lambda frame: [])
        return labels_in(frame)

    def labels(self, fitted: Fitted) -> list[str]:
        """The labels that a trained model can answer; empty for models whose answers are no labels."""
        return list(getattr(fitted, "labels", ()))

    def split(self, frame: pd.DataFrame, seed: int) -> Split:
        """Training rows, and held-out rows that training, tuning and thresholds never see."""
        return self._training.split(frame, seed)

    def fit(self, train: pd.DataFrame, *, progress: Progress, **parameters: Any) -> Fitted:
        """Train; ``parameters`` are those of ``parameters()``."""
        return self._training.fit(train, progress=progress, **parameters)

    def evaluate(self, fitted: Fitted, test: pd.DataFrame, history: pd.DataFrame | None = None) -> dict[str, Any]:
        """Metrics on labelled rows: nested dicts of plain numbers; None where a number is not finite, as JSON has no NaN.

        Args:
            fitted: the trained model.
            test: rows as ``build_features`` gives them.
            history: earlier rows of the same users, for models that need a past.
        """
        return _finite(cast(Evaluation, self._file("evaluation")).evaluate(fitted, test, history))

    def per_row(self, fitted: Fitted, test: pd.DataFrame, history: pd.DataFrame | None = None) -> np.ndarray | None:
        """What the primary metric is computed from, of shape (rows, any); for the gate's paired comparison.

        Rows are independent of each other: where those of the data are not (of one user), they are summed up. None for a model whose ``evaluation.py`` has no ``per_row``. Arguments as of ``evaluate``.
        """
        per_row = getattr(self._file("evaluation"), "per_row", None)
        return None if per_row is None else cast(np.ndarray, per_row(fitted, test, history))

    @property
    def row_unit(self) -> str:
        """What a row of ``per_row`` is, in the plural: rows, or users whose rows depend on each other."""
        return str(getattr(self._file("evaluation"), "ROW_UNIT", "rows"))

    def segments(self, test: pd.DataFrame) -> dict[str, np.ndarray]:
        """Parts of the rows of ``per_row`` that must not become worse unseen: a mask by name; empty where a model has none."""
        segments = getattr(self._file("evaluation"), "segments", None)
        return {} if segments is None else cast(dict[str, np.ndarray], segments(test))

    def loss(self, rows: np.ndarray) -> float | None:
        """A proper scoring rule of rows as ``per_row`` gives them, lower is better; None for a model without one.

        A ranking metric does not see that probabilities have become wrong, as they do by learning some wrong labels.
        """
        loss = getattr(self._file("evaluation"), "loss", None)
        return None if loss is None else float(loss(rows))

    def primary_metric(self, rows: np.ndarray) -> float:
        """``spec.primary`` of rows as ``per_row`` gives them; NaN where they cannot have one."""
        return float(self._file("evaluation").primary_metric(rows))

    def plot(
        self, fitted: Fitted, test: pd.DataFrame, folder: Path, history: pd.DataFrame | None = None
    ) -> Sequence[Path]:
        """Draw the evaluation as PNG files in ``folder`` and return their paths. Arguments as of ``evaluate``."""
        return cast(Plots, self._file("plots")).plot(fitted, test, folder, history)

    def predict(self, fitted: Fitted, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One answer (the guide's JSON) per request.

        Args:
            requests: each ``Request.model_dump()``, plus ``features``, the user's online features, where
                ``spec.user_features`` names their group.
        """
        return self._inference.predict(fitted, requests)

    def predict_frame(self, fitted: Fitted, frame: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
        """Rows as ``build_features`` gives them -> the same rows with the predictions as further columns.

        Of a forecast: a row for each user and month.
        """
        return self._inference.predict_frame(fitted, frame, history)

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write files that run no code when they are loaded: never pickle."""
        self._inference.save(fitted, folder)

    def load(self, folder: Path) -> Fitted:
        """The model that ``save`` wrote."""
        return self._inference.load(folder)

    def parameters(self, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """Every training parameter: the given values over the defaults of ``fit``.

        Raises:
            SettingsError: a given name is no parameter of this model, or its value is of another type.
        """
        signature = inspect.signature(self._training.fit).parameters.values()
        values = {p.name: p.default for p in signature if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}
        for name, value in (given or {}).items():
            if name not in values:
                raise SettingsError(f"{self.key} has no parameter {name!r}; it has {', '.join(values)}")
            values[name] = _same_type(self.key, name, value, values[name])
        return values

    def unset_settings(self) -> list[str]:
        """The settings without which this model cannot be trained, as environment variables that have no value."""
        current = settings()
        return [f"NIVESH_{name.upper()}" for name in self.spec.needs if not getattr(current, name)]

    def require_settings(self) -> None:
        """Check that the model can be trained here.

        Raises:
            SettingsError: names the settings that have no value.
        """
        if unset := self.unset_settings():
            raise SettingsError(f"{self.key} needs {', '.join(unset)}; see the settings in README.md")


def _finite(metrics: Any) -> Any:
    """Nested metrics with None in place of NaN and infinity."""
    if isinstance(metrics, dict):
        return {name: _finite(value) for name, value in metrics.items()}
    if isinstance(metrics, list | tuple):
        return [_finite(value) for value in metrics]
    return None if isinstance(metrics, float) and not math.isfinite(metrics) else metrics


def _same_type(key: str, name: str, value: Any, default: Any) -> Any:
    """The value in the type of the default; numbers in a pipeline's JSON parameters have no type.

    Raises:
        SettingsError: it is of another type.
    """
    if isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool):
        value = float(value)
    elif isinstance(default, int) and isinstance(value, float) and value.is_integer():
        value = int(value)
    elif isinstance(default, str) and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # --user-id 1001
    if default is not None and type(value) is not type(default):
        raise SettingsError(f"{key}: {name}={value!r} must be of type {type(default).__name__}, like {default!r}")
    return value
