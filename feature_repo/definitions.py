"""The users' features as Feast knows them: one entity, a Parquet source per group, a view per ``View``, a service per model."""

from pathlib import Path

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Float64, Int64, Json, String

from nivesh import models
from nivesh.features.feature_views import FEATURE_TTL, FLOAT, INTEGER, JSON, STRING, View, views_of
from nivesh.settings import settings

TYPES = {FLOAT: Float64, INTEGER: Int64, STRING: String, JSON: Json}

# What is pushed are transactions; nivesh.store.feast_store folds them into the profiles of this group.
PUSH_SOURCE, PUSHED = "transactions", "behaviour"

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING, description="A user of the assistant")


def feature_view(view: View, folder: Path) -> FeatureView:
    """Feast's view, which reads its group's snapshots: the Parquet files under ``folder / view.group``."""
    files = FileSource(name=f"{view.group}_files", path=str(folder / view.group), timestamp_field="event_timestamp")
    source: FileSource | PushSource = files
    if view.group == PUSHED:
        source = PushSource(name=PUSH_SOURCE, batch_source=files, description="transactions, folded into the profiles")
    schema = [Field(name=name, dtype=TYPES[kind]) for name, kind in view.features.items()]
    return FeatureView(
        name=view.name,
        entities=[user],
        ttl=FEATURE_TTL,
        schema=[Field(name="user_id", dtype=String), *schema],
        source=source,
        description=view.description,
        tags={"group": view.group},
    )


def definitions(folder: Path) -> list[Entity | FeatureView | FeatureService]:
    """All of Feast's objects, of the models that are found by their file names: a new model needs no edit here.

    Args:
        folder: of the snapshots.
    """
    views: dict[str, FeatureView] = {}
    services: list[FeatureService] = []
    for key in models.keys():
        spec = models.get(key).spec
        if spec.user_features:
            group = views_of(spec.user_features)
            views |= {view.name: feature_view(view, folder) for view in group if view.name not in views}
            services.append(
                FeatureService(
                    name=key,
                    features=[views[view.name] for view in group],
                    description=f"What POST {spec.path} reads",
                )
            )
    return [user, *views.values(), *services]


# Feast's own command finds objects by the names of this module.
globals().update({f"_{type(item).__name__}_{item.name}": item for item in definitions(settings().home / "features")})
