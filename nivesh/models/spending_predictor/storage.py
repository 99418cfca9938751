"""The model as a folder of JSON: shapes.json, users.json and model.json."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

from nivesh.models.spending_predictor.forecast import Common
from nivesh.models.spending_predictor.learning import Known, Model
from nivesh.models.spending_predictor.shapes import Shapes, from_json, to_json


def save(model: Model, folder: Path) -> None:
    """Write the model; the same numbers come back from ``load``."""
    folder = Path(folder)
    shapes = {name: to_json(one) for name, one in model.shapes.models.items()}
    users = {
        user_id: {"history": known.stored, "prophet": to_json(known.own) if known.own is not None else None}
        for user_id, known in model.users.items()
    }
    facts = {"last_date": model.last.isoformat(), "horizon": model.horizon, "common": asdict(model.common)}
    for name, content in (("shapes", shapes), ("users", users), ("model", facts)):
        (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def load(folder: Path) -> Model:
    """Read a model and compute the seasons of the coming months, so that the first request is not the slow one."""
    shapes, users, facts = (
        json.loads((Path(folder) / f"{name}.json").read_text(encoding="utf-8")) for name in ("shapes", "users", "model")
    )
    last = date.fromisoformat(facts["last_date"])
    model = Model(
        shapes=Shapes({name: from_json(text) for name, text in shapes.items()}),
        common=Common(**facts["common"]),
        users={
            user_id: Known(one["history"], from_json(one["prophet"]) if one["prophet"] else None)
            for user_id, one in users.items()
        },
        last=last,
        horizon=facts["horizon"],
    )
    model.shapes.prepare(range(last.year - 2, last.year + 2))
    return model
