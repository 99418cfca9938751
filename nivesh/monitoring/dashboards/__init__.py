"""The product's Grafana dashboards as code; ``manifests/monitoring/dashboards`` has their JSON.

The SDK that renders them is in the extra ``monitoring``: serving needs only the JSON.
"""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from nivesh.errors import SettingsError

NAMES = ("performance", "latency", "drift", "errors")


def render(name: str) -> str:
    """A dashboard's JSON, the same for the same code.

    Args:
        name: one of ``NAMES``.

    Raises:
        SettingsError: the SDK is not installed.
    """
    try:
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
    except ModuleNotFoundError:
        raise SettingsError(
            "rendering dashboards needs Grafana's SDK: pip install 'nivesh[monitoring]'; the rendered ones are in "
            "manifests/monitoring/dashboards"
        ) from None
    dashboard: Callable = import_module(f"{__name__}.{name}").dashboard
    return json.dumps(dashboard(), cls=JSONEncoder, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write every dashboard as ``nivesh-NAME.json`` into a folder; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in NAMES:
        paths.append(folder / f"nivesh-{name}.json")
        paths[-1].write_text(render(name), encoding="utf-8")
    return paths
