"""The platform's models. A model is a package here, and its key is the package's name: nothing lists them."""

import pkgutil

from nivesh.errors import ModelNotFound
from nivesh.models.interface import Model


def keys() -> list[str]:
    """All model keys, sorted."""
    return sorted(name for _, name, is_package in pkgutil.iter_modules(__path__) if is_package)


def get(key: str) -> Model:
    """A model by its key, with underscores or dashes.

    Raises:
        ModelNotFound: there is no model of that key; the message lists those that exist.
    """
    name = key.replace("-", "_")
    if name not in keys():
        raise ModelNotFound(f"there is no model {key!r}; the models are {', '.join(keys())}")
    return Model(name)
