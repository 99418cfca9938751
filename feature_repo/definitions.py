"""The users' features as Feast knows them: one entity, a Parquet source and a view per domain, a service per model."""

from pathlib import Path

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, Json, String

from nivesh import models
from nivesh.features.feature_views import FEATURE_TTL, FLOAT, INTEGER, JSON, STRING, View, views_of
from nivesh.settings import settings

TYPES = {FLOAT: Float64, INTEGER: Int64, STRING: String, JSON: Json}

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING, description="A user of the assistant")


def view(domain: View, folder: Path) -> FeatureView:
    """A domain's features, read from the Parquet files of its folder: one for each moment at which they were made."""
    source = FileSource(name=f"{domain.name}_files", path=str(folder / domain.name), timestamp_field="event_timestamp")
    schema = [Field(name=name, dtype=TYPES[kind]) for name, kind in domain.features.items()]
    return FeatureView(
        name=domain.name,
        entities=[user],
        ttl=FEATURE_TTL,
        schema=[Field(name="user_id", dtype=String), *schema],
        source=source,
        description=domain.description,
        tags={"group": domain.group},
    )


def definitions(folder: Path) -> list[Entity | FeatureView | FeatureService]:
    """Everything, with sources under a folder. Models are found from file names: a new one needs no edit here."""
    views: dict[str, FeatureView] = {}
    services = []
    for key in models.keys():
        spec = models.get(key).spec
        if spec.user_features:
            views |= {d.name: view(d, folder) for d in views_of(spec.user_features) if d.name not in views}
            mine = [views[domain.name] for domain in views_of(spec.user_features)]
            services.append(FeatureService(name=key, features=mine, description=f"What POST {spec.path} reads"))
    return [user, *views.values(), *services]


# Feast's own command finds what a module has names for.
globals().update({f"_{type(one).__name__}_{one.name}": one for one in definitions(settings().home / "features")})
