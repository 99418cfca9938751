"""feature_repo: what it defines, that Feast's own command takes it, that Ray takes over."""

import os
import subprocess
import sys

import pytest

from nivesh import models
from nivesh.features.feature_views import VIEWS, views_of
from nivesh.settings import PROJECT
from nivesh.store import feast_store, snapshots

WITH_FEATURES = [key for key in models.keys() if models.get(key).spec.user_features]


def test_a_view_for_each_domain_and_a_service_for_each_model(store):
    feast = feast_store.open_store()
    (user,) = feast.list_entities()
    assert (user.name, user.join_key) == ("user", "user_id")
    views = {view.name: view for view in feast.list_feature_views()}
    for domain in VIEWS:
        assert [field.name for field in views[domain.name].features] == list(domain.features)
        assert views[domain.name].ttl
    services = {service.name: service for service in feast.list_feature_services()}
    assert set(services) == set(WITH_FEATURES)
    for key, service in services.items():
        read = {projection.name for projection in service.feature_view_projections}
        assert read == {domain.name for domain in views_of(models.get(key).spec.user_features)}


def test_feasts_own_command_takes_the_repo(store, home):
    redis = feast_store.connection_string(store.url)
    (home / "features").mkdir(parents=True)
    environment = os.environ | {"NIVESH_HOME": str(home), "NIVESH_FEAST_REDIS": redis.replace("'", "''")}
    command = [sys.executable, "-m", "feast.cli.cli", "-c", str(PROJECT / "feature_repo"), "feature-views", "list"]
    feast_store.open_store()
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=PROJECT)
    assert listed.returncode == 0, listed.stderr
    assert all(domain.name in listed.stdout for domain in VIEWS)


def test_a_new_models_features_need_no_definition(store):
    from feature_repo.definitions import definitions
    from nivesh.features.feature_views import CATCH_ALL

    (only,) = views_of("astrology")
    assert only.features == {CATCH_ALL: "JSON"}
    names = [one.name for one in definitions(snapshots.folder())]
    assert len(names) == len(set(names))


def test_ray_takes_over_by_configuration(home):
    pytest.importorskip("ray")
    from feast.infra.compute_engines.ray.config import RayComputeEngineConfig
    from feast.infra.offline_stores.contrib.ray_offline_store.ray import RayOfflineStoreConfig

    config = feast_store.repo_config("feature_store.ray.yaml", "redis://:p@features.example:6379")
    assert isinstance(config.batch_engine, RayComputeEngineConfig)
    assert isinstance(config.offline_store, RayOfflineStoreConfig)
    usual = feast_store.repo_config(redis_url="redis://:p@features.example:6379")
    for same in ("project", "entity_key_serialization_version"):
        assert getattr(config, same) == getattr(usual, same)
    assert config.online_store.connection_string == usual.online_store.connection_string
