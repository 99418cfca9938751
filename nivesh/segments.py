"""A model that is fitted segment by segment, at several places at once.

What a segment gives is an artifact of its own MLflow run, nested under the training's. There the parts meet: KFP before 2.3
has no way to hand the outputs of a loop on.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nivesh import models, tracking
from nivesh.errors import NiveshError
from nivesh.registry import client

PART = "part.json"


class SegmentsFailed(NiveshError):
    """Not one segment could be fitted."""


def lanes(names: Sequence[str], parallel: int) -> list[str]:
    """Segments dealt out to so many places that work at the same time; each place gets names with commas between."""
    return [",".join(names[lane::parallel]) for lane in range(min(max(parallel, 1), len(names)))]


def fit(key: str, names: Sequence[str], model: Any, progress: Callable[[float, str], None]) -> None:
    """Fit segments one after another. The MLflow run of one that cannot be fitted says why; the others go on."""
    module = models.get(key)
    for name in names:
        fault = None
        try:
            with tracking.step(key, _step(name)) as mine:
                try:
                    part = module.fit_segment(model, name, progress=progress)
                except Exception as error:  # whatever it is, it must not take the other segments with it
                    fault = error
                    raise
                client().log_dict(mine, part, PART)
            print(f"{name}: {len(part['users'])} users fitted, {len(part['failed'])} failed")
        except Exception as error:
            if error is not fault:  # MLflow's or S3's: the step is tried again
                raise
            print(f"{name} failed: {type(error).__name__}: {error}")


def join(key: str, model: Any) -> tuple[Any, dict[str, str]]:
    """The whole model, and what is to be said of its segments: ``segments``, ``segments_failed``, ``users_failed``.

    Raises:
        SegmentsFailed: there is not one part.
    """
    module = models.get(key)
    parts, failed = {}, {}
    for name in module.segments(model):
        found = tracking.find_step(key, _step(name))
        if found is None or found.info.status != tracking.FINISHED:
            failed[name] = found.data.tags.get(tracking.LAST_ERROR, "broke off") if found else "was not begun"
        else:
            parts[name] = json.loads(Path(client().download_artifacts(found.info.run_id, PART)).read_text())
    if not parts:
        raise SegmentsFailed("no segment could be fitted: " + "; ".join(f"{one}: {why}" for one, why in failed.items()))
    facts = {"segments": ", ".join(f"{name} ({len(part['users'])} users)" for name, part in parts.items())}
    users = {user: why for part in parts.values() for user, why in part["failed"].items()}
    for what, reasons in (("segments_failed", failed), ("users_failed", users)):
        if reasons:
            facts[what] = "; ".join(f"{one}: {why}" for one, why in reasons.items())[:1000]
    return module.join(model, list(parts.values())), facts


def _step(name: str) -> str:
    return f"segment {name}"
