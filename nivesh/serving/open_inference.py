"""KServe's V2 protocol (Open Inference Protocol): tensors of a request -> instances, answers -> tensors.

https://github.com/kserve/open-inference-protocol. A request has either one BYTES tensor ``request`` of JSON objects, or one
tensor for each field of the model's Request, all of the same number of elements: one element per instance. The answer is one
BYTES tensor ``answer`` of JSON objects.
"""

import math
import struct
import uuid
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StrictStr, ValidationError

from nivesh.errors import MalformedRequest
from nivesh.serving.request_body import parse_json

HEADER_LENGTH = "Inference-Header-Content-Length"
DTYPES = {
    "BOOL": np.bool_, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "UINT8": np.uint8,
    "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64, "FP16": np.float16, "FP32": np.float32,
    "FP64": np.float64,
}  # fmt: skip
INPUTS = [{"name": "request", "datatype": "BYTES", "shape": [-1]}]
OUTPUTS = [{"name": "answer", "datatype": "BYTES", "shape": [-1]}]
OUTPUT = "answer"


class Tensor(BaseModel):
    """One input of a request."""

    model_config = ConfigDict(extra="ignore")

    name: StrictStr
    shape: list[NonNegativeInt] = Field(max_length=8)
    datatype: Literal["BYTES", *DTYPES]  # type: ignore[valid-type]  # mypy knows no unpacking in Literal
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class Output(BaseModel):
    """One output that a request asks for."""

    name: StrictStr
    parameters: dict[str, Any] = {}


class Body(BaseModel):
    """The JSON part of a request."""

    id: StrictStr | None = None
    parameters: dict[str, Any] = {}
    inputs: list[Tensor] = Field(min_length=1)
    outputs: list[Output] | None = None


@dataclass(frozen=True)
class InferenceRequest:
    """A decoded request: its id, its instances, and whether the answer's tensor is wanted as binary data."""

    id: str
    instances: list[Any]
    binary: bool


def decode(body: bytes, header_length: str | None = None) -> InferenceRequest:
    """Read a request.

    Args:
        body: JSON, followed by the binary data of tensors where ``header_length`` is given.
        header_length: the header Inference-Header-Content-Length, bytes of the JSON part.

    Raises:
        MalformedRequest: names the tensor whose name, shape, type or data is wrong.
    """
    json_length = _json_length(body, header_length)
    try:
        parsed = Body.model_validate(parse_json(body[:json_length]))
    except ValidationError as error:
        first = error.errors()[0]
        raise MalformedRequest(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from None
    columns: dict[str, list[Any]] = {}
    binary = body[json_length:]
    for tensor in parsed.inputs:
        if tensor.name in columns:
            raise MalformedRequest(f"tensor {tensor.name}: there are two of this name; send each input once")
        columns[tensor.name], binary = _values(tensor, binary)
    if binary:
        raise MalformedRequest(f"{len(binary)} bytes of binary data belong to no tensor; set binary_data_size")
    return InferenceRequest(parsed.id or uuid.uuid4().hex, _instances(columns), _wants_binary(parsed))


def encode(request: InferenceRequest, name: str, version: str, answers: list[dict]) -> tuple[bytes, dict[str, str]]:
    """Answers -> the body of the response and its headers."""
    texts = [orjson.dumps(answer) for answer in answers]
    output: dict[str, Any] = {"name": OUTPUT, "datatype": "BYTES", "shape": [len(texts)]}
    response = {"id": request.id, "model_name": name, "model_version": version, "outputs": [output]}
    if not request.binary:
        output["data"] = [text.decode() for text in texts]
        return orjson.dumps(response), {"Content-Type": "application/json"}
    data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    output["parameters"] = {"binary_data_size": len(data)}
    head = orjson.dumps(response)
    return head + data, {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))}


def _json_length(body: bytes, header_length: str | None) -> int:
    if header_length is None:
        return len(body)
    if not (header_length.isascii() and header_length.isdigit()) or int(header_length) > len(body):
        raise MalformedRequest(f"{HEADER_LENGTH} is {header_length!r}, and the body has {len(body)} bytes")
    return int(header_length)


def _values(tensor: Tensor, binary: bytes) -> tuple[list[Any], bytes]:
    """The elements of a tensor, and the binary data that are left for those after it."""
    count = math.prod(tensor.shape)
    if not tensor.shape or max(tensor.shape) != count:
        raise MalformedRequest(f"tensor {tensor.name}: shape {tensor.shape}; give [n], one element per instance")
    size = tensor.parameters.get("binary_data_size")
    if tensor.data is not None:
        values = [_checked(tensor, value) for value in _flat(tensor)]
    elif type(size) is int and 0 <= size <= len(binary):
        values, binary = _decoded(tensor, binary[:size]), binary[size:]
    else:
        raise MalformedRequest(
            f"tensor {tensor.name}: give data, or binary_data_size up to the {len(binary)} bytes that follow the JSON"
        )
    if len(values) != count:
        raise MalformedRequest(
            f"tensor {tensor.name}: shape {tensor.shape} needs {count} elements, data has {len(values)}"
        )
    return values, binary


def _flat(tensor: Tensor) -> list[Any]:
    """The elements of JSON data, which may be nested as the shape says."""
    values: list[Any] = tensor.data or []
    for _ in tensor.shape[1:]:
        if not all(isinstance(value, list) for value in values):
            break
        values = [element for value in values for element in value]
    return values


def _checked(tensor: Tensor, value: Any) -> Any:
    """An element of JSON data, if it is one of the tensor's datatype."""
    kind = tensor.datatype
    if kind == "BYTES":
        fits = isinstance(value, str)
    elif kind == "BOOL":
        fits = isinstance(value, bool)
    elif kind == "FP16":
        raise MalformedRequest(f"tensor {tensor.name}: FP16 cannot be sent as JSON; send binary data")
    elif kind.startswith("FP"):
        fits = isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    else:
        bounds = np.iinfo(DTYPES[kind])
        fits = isinstance(value, int) and not isinstance(value, bool) and bounds.min <= value <= bounds.max
    if not fits:
        raise MalformedRequest(f"tensor {tensor.name}: {str(value)[:50]!r} is no {kind}")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond what a float holds
        return False


def _decoded(tensor: Tensor, data: bytes) -> list[Any]:
    """The elements of binary data: little-endian numbers, or texts each behind its length in four bytes."""
    try:
        if tensor.datatype != "BYTES":
            values = np.frombuffer(data, np.dtype(DTYPES[tensor.datatype]).newbyteorder("<"))
            if tensor.datatype.startswith("FP") and not np.isfinite(values).all():
                raise MalformedRequest(f"tensor {tensor.name}: it holds NaN or infinity")
            return values.tolist()
        texts = []
        while data:
            (length,) = struct.unpack_from("<I", data)
            if 4 + length > len(data):
                raise ValueError("a text is longer than the data")
            texts.append(data[4 : 4 + length].decode())
            data = data[4 + length :]
        return texts
    except (ValueError, struct.error) as error:
        raise MalformedRequest(f"tensor {tensor.name}: its binary data are no {tensor.datatype} ({error})") from None


def _instances(columns: dict[str, list[Any]]) -> list[Any]:
    counts = {name: len(values) for name, values in columns.items()}
    if len(set(counts.values())) != 1:
        raise MalformedRequest(f"tensors have {counts} elements; give each as many as there are instances")
    if 0 in counts.values():
        raise MalformedRequest("the tensors are empty; give one element or more")
    if set(columns) == {"request"}:
        try:
            return [parse_json(value.encode()) for value in columns["request"]]
        except (MalformedRequest, UnicodeEncodeError, AttributeError) as error:
            raise MalformedRequest(f"tensor request: each element must be a JSON object ({error})") from None
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _wants_binary(body: Body) -> bool:
    unknown = [output.name for output in body.outputs or [] if output.name != OUTPUT]
    if unknown:
        raise MalformedRequest(f"there is no output {', '.join(unknown)}; the output is {OUTPUT}")
    default = body.parameters.get("binary_data_output", False)
    return any(output.parameters.get("binary_data", default) for output in body.outputs or [Output(name=OUTPUT)])
