"""One module (or package) per model. The keys are found from the file names: a new model is a new file.

Every model module has the same surface; ``tests/conformance`` checks it for each key:

SPEC                                    what is fixed: key, dataset, targets (nivesh.spec.Spec)
Request, Answer                         pydantic types of the guide's JSON on SPEC.path
build_features(frame) -> frame          checked rows of the dataset -> rows to learn from (causal: only the past)
split(frame, seed) -> Split             held-out rows that nothing of the training sees
fit(train, *, progress, **params)       -> model; ``params`` are its keyword arguments with defaults
evaluate(model, test, history=None)     -> metrics: nested dict of plain numbers
plot(model, test, folder, history=None) -> list of PNG paths written into folder
predict(model, requests) -> list        one answer (the guide's JSON) per request; a request is Request.model_dump(),
                                        plus "features": the user's online features where SPEC.user_features
predict_frame(model, frame, history)    checked rows of the dataset -> the same rows with the model's answers;
                                        of a forecast: a row for each user and month
online_features(transactions) -> {user_id: features}    only where SPEC.user_features names their group
save(model, folder), load(folder)       files that run no code when loaded: never pickle
"""

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any

from nivesh.errors import ModelNotFound, SettingsError
from nivesh.settings import settings


def keys() -> list[str]:
    """All model keys, sorted."""
    return sorted(name for _, name, _ in pkgutil.iter_modules(__path__) if not name.startswith("_"))


def get(key: str) -> ModuleType:
    """The module of a model.

    Raises:
        ModelNotFound: there is no model of that key; the message lists those that exist.
    """
    name = key.replace("-", "_")
    if name not in keys():
        raise ModelNotFound(f"there is no model {key!r}; the models are {', '.join(keys())}")
    return importlib.import_module(f"nivesh.models.{name}")


def missing(key: str) -> list[str]:
    """The settings without which a model cannot be trained, as environment variables that have no value."""
    current = settings()
    return [f"NIVESH_{name.upper()}" for name in get(key).SPEC.needs if not getattr(current, name)]


def require(key: str) -> None:
    """See that a model can be trained here.

    Raises:
        SettingsError: names the settings that have no value.
    """
    if unset := missing(key):
        raise SettingsError(f"{key} needs {', '.join(unset)}; see the settings in README.md")


def parameters(key: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every training parameter of a model: the given values over the defaults of its ``fit``.

    Raises:
        SettingsError: a given name is no parameter of this model, or its value is of another type.
    """
    signature = inspect.signature(get(key).fit).parameters.values()
    defaults = {p.name: p.default for p in signature if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}
    for name, value in (given or {}).items():
        if name not in defaults:
            raise SettingsError(f"{key} has no parameter {name!r}; it has {', '.join(defaults)}")
        default = defaults[name]
        if isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool):
            value = float(value)
        elif isinstance(default, int) and isinstance(value, float) and value.is_integer():
            value = int(value)  # numbers in a pipeline's JSON parameters have no type
        if default is not None and type(value) is not type(default):
            raise SettingsError(f"{key}: {name}={value!r} must be of type {type(default).__name__}, like {default!r}")
        defaults[name] = value
    return defaults
