"""Feast's storage in Redis, read and written without Feast: keys, fields and values, as pure functions.

A user is one hash. Its key is Feast's serialised entity key with the project's name; a field is the hash of
``view:feature``, a value Feast's protobuf ``Value`` (empty bytes: known to be missing); ``_ts:view`` holds the moment
that a view's values are about. See Feast's docs/specs/online_store_format.md. Feast's own client answers the same
(tests/test_feast_format.py), in several times the time and after an import of seconds.

What Feast does not have is a time to live per view. The field ``_expires:group`` is ours, and Feast overlooks it.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import mmh3
import orjson
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from nivesh.errors import DataError
from nivesh.features.feature_views import CATCH_ALL, FLOAT, INTEGER, JSON, View, views_of

PROJECT = "nivesh"
STRING = 2  # feast.types.Value.proto: ValueType.STRING
NANOS = 1_000_000_000


class Stored(NamedTuple):
    """A user's features of one group, and the moment (seconds since 1970) that the oldest of them are about."""

    features: dict[str, Any]
    moment: float


class Layout(NamedTuple):
    """Where a group's features stand in a user's hash: the fields to ask for, and what the answers are."""

    fields: tuple[bytes, ...]
    names: tuple[str, ...]
    domains: tuple[View, ...]


def _value_class():
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


def key(user_id: str) -> bytes:
    """The key of a user's hash: Feast's entity key, version 3, of the join key ``user_id``, and the project.

    Raises:
        DataError: the user id is no text, or empty.
    """
    if not isinstance(user_id, str) or not user_id:
        raise DataError(f"user_id={user_id!r}: give a text that is not empty")
    user = user_id.encode("utf-8", "surrogatepass")
    return _PREFIX + struct.pack("<II", STRING, len(user)) + user + PROJECT.encode()


_PREFIX = struct.pack("<III", 1, STRING, len(b"user_id")) + b"user_id"
EVERY_KEY = (
    b"".join(b"\\" + bytes([byte]) if byte in b"*?[]\\" else bytes([byte]) for byte in _PREFIX)
    + b"*"
    + PROJECT.encode()
)


def field(view: str, feature: str) -> bytes:
    """The field of a feature in a user's hash."""
    return struct.pack("<I", mmh3.hash(f"{view}:{feature}", signed=False))


@cache
def layout(group: str) -> Layout:
    """Fields in the order: features by domain, the moment of each domain, when the group expires."""
    domains = views_of(group)
    pairs = [(domain.name, name) for domain in domains for name in domain.features]
    moments = [f"_ts:{domain.name}".encode() for domain in domains]
    fields = (*(field(*pair) for pair in pairs), *moments, f"_expires:{group}".encode())
    return Layout(fields, tuple(name for _, name in pairs), domains)


def encode(group: str, user_id: str, features: Mapping[str, Any], now: float, ttl: int | None) -> dict[bytes, bytes]:
    """A user's features as the fields of their hash; the group's other fields are to be deleted.

    Raises:
        DataError: a value is not of its feature's kind, or no JSON value.
    """
    found = layout(group)
    rest = dict(features)
    values: dict[bytes, bytes] = {}
    position = 0
    for domain in found.domains[:-1]:
        for name, kind in domain.features.items():
            if name in rest:
                values[found.fields[position]] = _value(user_id, name, kind, rest.pop(name))
            position += 1
    if rest or not features:
        values[found.fields[position]] = _value(user_id, CATCH_ALL, JSON, rest)
    moment = Timestamp(seconds=int(now), nanos=int(now % 1 * NANOS)).SerializeToString()
    values.update(dict.fromkeys(found.fields[position + 1 : -1], moment))
    if ttl is not None:
        # Bound to this write: when Feast writes newer values, they do not end with these.
        values[found.fields[-1]] = json.dumps([now + ttl, _moment(moment)]).encode()
    return values


def decode(group: str, answer: Sequence[bytes | None], now: float) -> Stored | None:
    """A user's features from what HMGET of ``layout(group).fields`` answered.

    Returns:
        None where there are none, where they have expired, or where not every domain has been written yet.
    """
    found = layout(group)
    count = len(found.names)
    moments = [_moment(raw) for raw in answer[count:-1]]
    newest = max((moment for moment in moments if moment is not None), default=None)
    if newest is None:
        return None
    if answer[-1] is not None:
        expires, written = orjson.loads(answer[-1])
        if expires <= now and newest == written:
            return None
    known = moments[:-1] or moments
    if None in known:
        return None
    features = {
        name: _plain(raw) for name, raw in zip(found.names[:-1], answer[: count - 1], strict=True) if raw is not None
    }
    if answer[count - 1] and moments[-1] == newest:
        features.update(_plain(answer[count - 1]))
    return Stored(features, min(known))


def _moment(raw: bytes | None) -> float | None:
    if raw is None:
        return None
    moment = Timestamp.FromString(raw)
    return moment.seconds + moment.nanos / NANOS


def _plain(raw: bytes) -> Any:
    """The Python value of a serialised ``Value``; None where it is empty."""
    value = Value.FromString(raw)
    member = value.WhichOneof("val")
    if member is None:
        return None
    plain = getattr(value, member)
    if member == "json_val":
        return orjson.loads(plain)
    return None if plain != plain else plain  # Feast keeps a missing number of a frame as NaN


def _value(user_id: str, name: str, kind: str, value: Any) -> bytes:
    if value is None:
        return b""
    try:
        if kind == JSON:
            value = to_json(value)
            orjson.loads(value)  # what no reader takes, such as an integer beyond a double, must not get in
        elif hasattr(value, "item"):
            value = value.item()
        if kind == FLOAT and (isinstance(value, bool) or value != value or value in (float("inf"), -float("inf"))):
            raise TypeError(f"{value!r} is no number")
        return Value(**{MEMBERS.get(kind, "string_val"): value}).SerializeToString()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(
            f"features of {user_id} cannot be kept as JSON and {kind}s: {name}={value!r:.60}: {error}"
        ) from None


def to_json(value: Any) -> str:
    """Compact JSON; numpy's and pandas' scalars, arrays and times as plain values, NaN refused."""
    return json.dumps(value, allow_nan=False, default=_unwrapped, separators=(",", ":"), ensure_ascii=False)


def _unwrapped(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat") and value == value:  # not NaT, which would become a text
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} is no JSON value")
