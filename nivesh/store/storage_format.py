"""Feast's storage format in Redis, read and written without Feast: keys, fields and values, as pure functions.

A user is one hash. Its key is Feast's serialised entity key followed by the project's name; a field is the hash of
``view:feature``, a value Feast's protobuf ``Value`` (empty bytes: null); ``_ts:view`` holds the event time of a view's
values. See Feast's docs/specs/online_store_format.md. Feast's own client reads and writes the same
(tests/store/test_storage_format.py), several times slower and after an import that takes seconds.

Feast has no time to live per view: the field ``_expires:group`` is ours, and Feast ignores it.
"""

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from numbers import Real
from typing import Any, NamedTuple

import mmh3
import orjson
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from nivesh.errors import DataError
from nivesh.features.feature_views import CATCH_ALL, FLOAT, INTEGER, JSON, View, views_of
from nivesh.text.normalization import normalize

PROJECT = "nivesh"
STRING_KEY = 2  # feast/types/Value.proto: ValueType.STRING
NANOS = 1_000_000_000
MAX_CLOCK_SKEW = 300.0  # seconds; an event time further in the future is that of a clock that is ahead

Primitive = float | int | str | None
Fields = dict[str | bytes, Any]  # of a hash in Redis, as redis-py's hset takes them


class Stored(NamedTuple):
    """A user's features of one group.

    Attributes:
        features: values by feature name.
        event_time: seconds since 1970 UTC; up to when the user's data are covered, by the oldest of the group's views.
    """

    features: dict[str, Any]
    event_time: float


class Layout(NamedTuple):
    """Where a group's features are in a user's hash.

    Attributes:
        fields: to read with HMGET: the features by view, the event time of each view, the expiry of the group.
        names: of the features, in the order of ``fields``; the last one is the catch-all.
        views: of the group; the last one is the catch-all.
    """

    fields: tuple[bytes, ...]
    names: tuple[str, ...]
    views: tuple[View, ...]

    @property
    def event_time_fields(self) -> tuple[bytes, ...]:
        return self.fields[len(self.names) : -1]


def _value_class() -> type:
    """The members of Feast's ``Value`` that our features use; the numbers are those of feast/types/Value.proto."""
    kinds = FieldDescriptorProto
    members = {
        "string_val": (2, kinds.TYPE_STRING),
        "int32_val": (3, kinds.TYPE_INT32),
        "int64_val": (4, kinds.TYPE_INT64),
        "double_val": (5, kinds.TYPE_DOUBLE),
        "float_val": (6, kinds.TYPE_FLOAT),
        "bool_val": (7, kinds.TYPE_BOOL),
        "json_val": (32, kinds.TYPE_STRING),
    }
    file = FileDescriptorProto(name="nivesh/value.proto", package="nivesh", syntax="proto3")
    message = file.message_type.add(name="Value")
    message.oneof_decl.add(name="val")
    for name, (number, kind) in members.items():
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL, oneof_index=0)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("nivesh.Value"))


Value = _value_class()
MEMBERS = {FLOAT: "double_val", INTEGER: "int64_val", JSON: "json_val"}
_PREFIX = struct.pack("<III", 1, STRING_KEY, len(b"user_id")) + b"user_id"
# Of Redis's SCAN MATCH: the keys of all users.
ALL_KEYS = (
    b"".join(b"\\" + bytes([byte]) if byte in b"*?[]\\" else bytes([byte]) for byte in _PREFIX)
    + b"*"
    + PROJECT.encode()
)


def key(user_id: str) -> bytes:
    """The key of a user's hash: Feast's entity key, version 3, of the join key ``user_id``, and the project.

    Raises:
        DataError: the user id is not a string, or empty.
    """
    if not isinstance(user_id, str) or not normalize(user_id):
        raise DataError(f"user_id={user_id!r}: give a string that is not empty")
    user = normalize(user_id).encode("utf-8", "surrogatepass")
    return _PREFIX + struct.pack("<II", STRING_KEY, len(user)) + user + PROJECT.encode()


def field(view: str, feature: str) -> bytes:
    """The field of a feature in a user's hash."""
    return struct.pack("<I", mmh3.hash(f"{view}:{feature}", signed=False))


@cache
def layout(group: str) -> Layout:
    """The layout of a group, from the definitions of its views."""
    views = views_of(group)
    pairs = [(view.name, name) for view in views for name in view.features]
    event_times = [f"_ts:{view.name}".encode() for view in views]
    fields = (*(field(*pair) for pair in pairs), *event_times, f"_expires:{group}".encode())
    return Layout(fields, tuple(name for _, name in pairs), views)


def to_primitives(group: str, user_id: str, features: Mapping[str, Any]) -> dict[str, Primitive]:
    """A user's features as they are stored: numbers, strings and JSON texts by name, None for null.

    Features without a definition are together the JSON text of the catch-all.

    Raises:
        DataError: a value is not of its feature's type, NaN or infinite, or not a JSON value.
    """
    rest = dict(features)
    primitives = {}
    for view in layout(group).views[:-1]:
        for name, kind in view.features.items():
            if name in rest:
                primitives[name] = _primitive(user_id, name, kind, rest.pop(name))
    if rest or not features:
        primitives[CATCH_ALL] = _primitive(user_id, CATCH_ALL, JSON, rest)
    return primitives


def from_primitives(group: str, primitives: Mapping[str, Primitive]) -> dict[str, Any]:
    """The features of ``to_primitives``."""
    features: dict[str, Any] = {}
    for view in layout(group).views:
        for name, kind in view.features.items():
            if name in primitives:
                value = primitives[name]
                features[name] = orjson.loads(value) if kind == JSON and isinstance(value, str) else value
    undefined = features.pop(CATCH_ALL, None)
    return features | (undefined or {})


def encode(group: str, primitives: Mapping[str, Primitive], event_time: float, ttl: float | None = None) -> Fields:
    """The fields of a user's hash; the group's fields that are not in the answer are to be deleted.

    Args:
        primitives: as ``to_primitives`` returns them.
        event_time: seconds since 1970 UTC.
        ttl: seconds after ``event_time`` at which the features expire; None for never.
    """
    found = layout(group)
    values: Fields = {}
    position = 0
    for view in found.views:
        for name, kind in view.features.items():
            if name in primitives:
                values[found.fields[position]] = _serialise(kind, primitives[name])
            position += 1
    written = Timestamp(seconds=int(event_time), nanos=int(event_time % 1 * NANOS)).SerializeToString()
    values.update(dict.fromkeys(found.event_time_fields, written))
    if ttl is not None:
        # Bound to this write: newer values that Feast writes do not expire with these.
        values[found.fields[-1]] = json.dumps([event_time + ttl, _seconds(written)]).encode()
    return values


def decode(group: str, answer: Sequence[bytes | None], now: float) -> Stored | None:
    """A user's features from the answer to HMGET of ``layout(group).fields``.

    Args:
        now: seconds since 1970 UTC.

    Returns:
        None where there are none, where they have expired, or where not all views have been written yet.
    """
    found = layout(group)
    count = len(found.names)
    *defined, rest = map(_seconds, answer[count:-1])
    newest = newest_event_time(answer[count:-1])
    if newest is None:
        return None
    expiry = answer[-1]
    if expiry is not None:
        expires, written = orjson.loads(expiry)
        if expires <= now and newest == written:
            return None
    times = [seconds for seconds in defined or [rest] if seconds is not None]
    if len(times) < len(defined or [rest]):
        return None
    features = {
        name: _deserialise(raw)
        for name, raw in zip(found.names[:-1], answer[: count - 1], strict=True)
        if raw is not None
    }
    undefined = answer[count - 1]
    if undefined and rest == newest:
        features.update(_deserialise(undefined))
    return Stored(features, min(times))


def newest_event_time(answer: Iterable[bytes | None]) -> float | None:
    """The newest of some views' event times, seconds since 1970 UTC; None where there is none."""
    return max((seconds for seconds in map(_seconds, answer) if seconds is not None), default=None)


def to_json(value: Any) -> str:
    """Compact JSON; scalars, arrays and timestamps of numpy and pandas as plain values.

    Raises:
        TypeError, ValueError: it is not a JSON value, or contains NaN or infinity.
    """
    return json.dumps(value, allow_nan=False, default=_unwrapped, separators=(",", ":"), ensure_ascii=False)


def _seconds(raw: bytes | None) -> float | None:
    if raw is None:
        return None
    timestamp = Timestamp.FromString(raw)
    return timestamp.seconds + timestamp.nanos / NANOS


def _deserialise(raw: bytes) -> Any:
    """The Python value of a serialised ``Value``; None where it is null."""
    value = Value.FromString(raw)  # type: ignore[attr-defined]  # the class is made at run time
    member = value.WhichOneof("val")
    if member is None:
        return None
    plain = getattr(value, member)
    if member == "json_val":
        return orjson.loads(plain)
    return None if plain != plain else plain  # Feast stores a missing number of a frame as NaN


def _serialise(kind: str, value: Primitive) -> bytes:
    return b"" if value is None else Value(**{MEMBERS.get(kind, "string_val"): value}).SerializeToString()


def _primitive(user_id: str, name: str, kind: str, value: Any) -> Primitive:
    if value is None:
        return None
    try:
        if kind == JSON:
            text = to_json(value)
            orjson.loads(text)  # what no reader accepts, such as an integer beyond a double, must not be stored
            return text
        if hasattr(value, "item"):
            value = value.item()
        if kind == FLOAT and isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        if kind == INTEGER and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
            return value
        if kind not in (FLOAT, INTEGER) and isinstance(value, str):
            value.encode()
            return value
        raise TypeError(f"not a {kind}")
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(
            f"features of {user_id} cannot be kept as JSON and {kind}s: {name}={value!r:.60}: {error}"
        ) from None


def _unwrapped(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat") and value == value:  # not NaT, which would become a string
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} is not a JSON value")
