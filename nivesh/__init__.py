"""The whole life of a personal-finance assistant's models: data, pipelines, registry, serving, canary, drift.

The guide's calls stand here: ``from nivesh import IntentClassifier, feature_store, register_model``.
They are imported when they are first used, so that a serving image need not carry what training needs.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME_OF = {
    "IntentClassifier": "nivesh.registry.loaded_model",
    "FinancialNER": "nivesh.registry.loaded_model",
    "build_user_financial_features": "nivesh.features.finances",
    "detect_model_drift": "nivesh.monitoring.drift_detection",
    "trigger_retraining_job": "pipelines.retraining",
    "create_experiment": "nivesh.registry.experiments",
    "log_model_params": "nivesh.registry.experiments",
    "log_model_metrics": "nivesh.registry.experiments",
    "register_model": "nivesh.registry.model_registry",
    "transition_model_stage": "nivesh.registry.model_registry",
    "get_latest_version": "nivesh.registry.model_registry",
}
__all__ = [*_HOME_OF, "feature_store"]


def __getattr__(name: str) -> Any:
    if name == "feature_store":
        return importlib.import_module("nivesh.store.online_store")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'nivesh' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
