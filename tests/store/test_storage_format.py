"""Our reading and writing of Feast's storage against Feast's own, on the same Redis."""

import json

import pytest

from nivesh import models
from nivesh.errors import DataError
from nivesh.features.feature_views import VIEWS, views_of
from nivesh.features.finances import USER_FEATURES
from nivesh.features.profile import Profile
from nivesh.store import feast_store, materialization, online_store, storage_format

FINANCES = {name: 1.5 * number for number, name in enumerate(USER_FEATURES)} | {"on_time_payment_pct": None}
BEHAVIOUR = Profile().to_stored() | {
    "rows": 3,
    "last_time": 2**40,
    "last_city": "पुणे",
    "merchants": {"+a": [1, 0.1]},
    "outflows": [[0.3]],
}


def through_feast(store, key: str, users: list[str]) -> dict:
    answer = store.get_online_features(store.get_feature_service(key), [{"user_id": user} for user in users]).to_dict()
    return {user: {name: values[row] for name, values in answer.items()} for row, user in enumerate(users)}


@pytest.mark.parametrize(
    ("key", "features"), [("credit_risk", FINANCES), ("anomaly_detector", BEHAVIOUR), ("spending_predictor", {})]
)
def test_feast_reads_what_we_write(store, key, features):
    group = models.get(key).spec.user_features
    users = ["user_123", "उषा", "a b"]
    online_store.save_batch_features(dict.fromkeys(users, features | {"mine": [1, {"b": None}]}), group=group)
    for user, found in through_feast(feast_store.open_store(), key, users).items():
        assert found.pop("user_id") == user
        rest = found.pop("other")
        assert (json.loads(rest) if isinstance(rest, str) else rest) == {"mine": [1, {"b": None}]}
        assert {name: value for name, value in found.items() if name in features} == features
        assert all(value is None for name, value in found.items() if name not in features)


def test_we_read_what_feast_writes(history, store):
    feast = feast_store.open_store()
    last = max(history)
    last_utc = last.tz_localize("UTC").to_pydatetime()
    materialization.load(["finances"], last_utc, last_utc)
    users = [*history[last].index, "nobody"]
    theirs, ours = through_feast(feast, "credit_risk", users), online_store.get_batch_features(users)
    assert ours.pop("nobody") is None and len(ours) >= 8
    for user, features in ours.items():
        assert features == {name: theirs[user][name] for name in USER_FEATURES}


def test_values_have_the_numbers_of_feasts_protocol():
    from feast.protos.feast.types.Value_pb2 import Value, ValueType

    theirs = {one.name: (one.number, one.type) for one in Value.DESCRIPTOR.fields}
    ours = {one.name: (one.number, one.type) for one in storage_format.Value.DESCRIPTOR.fields}
    assert ours and ours.items() <= theirs.items()
    assert storage_format.STRING_KEY == ValueType.STRING


def test_keys_and_fields_are_feasts():
    from feast.infra.online_stores.helpers import _mmh3, _redis_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    for user in ("user_123", "उषा", "a b"):
        entity = EntityKey(join_keys=["user_id"], entity_values=[Value(string_val=user)])
        assert storage_format.key(user) == _redis_key(storage_format.PROJECT, entity)
    assert storage_format.field("income", "monthly_income") == _mmh3("income:monthly_income")


def test_an_id_has_one_key_in_all_its_spellings():
    assert storage_format.key(" Jose\u0301\u200b ") == storage_format.key("Jos\u00e9")
    with pytest.raises(DataError, match="give a string that is not empty"):
        storage_format.key(" \u200b")


def test_no_two_features_share_a_field():
    groups = {domain.group for domain in VIEWS}
    fields = [field for group in groups for field in storage_format.layout(group).fields]
    assert len(fields) == len(set(fields))


def test_every_feature_that_is_made_has_a_definition():
    def named(group):
        return {name for domain in views_of(group)[:-1] for name in domain.features}

    assert named("finances") == set(USER_FEATURES)
    assert named("behaviour") == set(Profile().to_stored())
