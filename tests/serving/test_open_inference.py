"""V2 requests by KServe's own codec and by hand, right and wrong."""

import json
import struct

import numpy as np
import pytest
from kserve import InferInput, InferRequest, InferResponse
from kserve.protocol.infer_type import RequestedOutput

from nivesh.errors import MalformedRequest
from nivesh.serving.open_inference import HEADER_LENGTH, decode, encode

PATH = "/v2/models/intent-classifier/infer"


def tensor(**fields) -> dict:
    return {"name": "x", "shape": [1], "datatype": "FP32", "data": [1.5]} | fields


def body(*inputs: dict, **more) -> bytes:
    return json.dumps({"inputs": list(inputs), **more}).encode()


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({}, [1.5]),
        ({"shape": [2, 1], "data": [[1], [2]]}, [1, 2]),
        ({"shape": [1, 2], "data": [1, 2]}, [1, 2]),
        ({"datatype": "INT8", "data": [-128]}, [-128]),
        ({"datatype": "BOOL", "data": [True]}, [True]),
        ({"datatype": "BYTES", "data": ["नमस्ते 😀"]}, ["नमस्ते 😀"]),
    ],
)
def test_json_tensors(fields, values):
    assert decode(body(tensor(**fields))).instances == [{"x": value} for value in values]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"shape": [2]}, "tensor x: shape \\[2\\] needs 2 elements, data has 1"),
        ({"shape": [2, 2], "data": [1, 2, 3, 4]}, "tensor x: shape"),
        ({"shape": []}, "tensor x: shape"),
        ({"shape": [1, 0]}, "tensor x: shape"),
        ({"shape": [-1]}, "inputs.0.shape"),
        ({"shape": "[1]"}, "inputs.0.shape"),
        ({"shape": [0], "data": []}, "empty"),
        ({"datatype": "FLOAT"}, "inputs.0.datatype"),
        ({"data": ["text"]}, "tensor x: 'text' is no FP32"),
        ({"data": [None]}, "tensor x: 'None' is no FP32"),
        ({"data": [[1.5]]}, "tensor x: '\\[1.5\\]' is no FP32"),
        ({"shape": [2, 1], "data": [[1], 2]}, "tensor x"),
        ({"datatype": "INT8", "data": [200]}, "tensor x: '200' is no INT8"),
        ({"datatype": "INT32", "data": [True]}, "tensor x: 'True' is no INT32"),
        ({"datatype": "FP64", "data": [10**400]}, "not JSON"),
        ({"datatype": "FP16"}, "FP16 cannot be sent as JSON"),
        ({"datatype": "BYTES", "data": [1]}, "tensor x: '1' is no BYTES"),
        ({"data": None}, "tensor x: give data"),
        ({"data": None, "parameters": {"binary_data_size": 4}}, "tensor x: give data, or binary_data_size up to the 0"),
        ({"data": None, "parameters": {"binary_data_size": -1}}, "tensor x: give data"),
        ({"name": 5}, "inputs.0.name"),
    ],
)
def test_a_wrong_tensor_is_named(fields, problem):
    with pytest.raises(MalformedRequest, match=problem):
        decode(body(tensor(**fields)))


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (body(), "inputs"),
        (b"[]", "body"),
        (b'{"inputs": {}}', "inputs"),
        (body(tensor(), tensor()), "there are two of this name"),
        (body(tensor(), tensor(name="y", shape=[2], data=[1, 2])), "elements"),
        (body(tensor(), outputs=[{"name": "scores"}]), "there is no output scores; the output is answer"),
        (body(tensor(name="request", datatype="BYTES", data=["{"])), "tensor request"),
        (body(tensor(name="request")), "tensor request"),
        (body(tensor(), id=5), "id"),
    ],
)
def test_a_wrong_request_is_refused(request_, problem):
    with pytest.raises(MalformedRequest, match=problem):
        decode(request_)


@pytest.mark.parametrize("length", ["-1", "9999", "x", "²"])
def test_a_wrong_header_length(length):
    with pytest.raises(MalformedRequest, match=HEADER_LENGTH):
        decode(body(tensor()), length)


def binary(datatype: str, data: bytes, shape: list[int]) -> tuple[bytes, str]:
    described = tensor(datatype=datatype, shape=shape, data=None, parameters={"binary_data_size": len(data)})
    head = body(described)
    return head + data, str(len(head))


def test_binary_tensors():
    assert decode(*binary("INT64", np.array([1, -2]).tobytes(), [2])).instances == [{"x": 1}, {"x": -2}]
    assert decode(*binary("FP16", np.array([0.5], np.float16).tobytes(), [1])).instances == [{"x": 0.5}]
    text = "₹500".encode()
    assert decode(*binary("BYTES", struct.pack("<I", len(text)) + text, [1])).instances == [{"x": "₹500"}]


@pytest.mark.parametrize(
    ("datatype", "data", "shape"),
    [
        ("FP32", b"123", [1]),
        ("FP32", np.array([np.nan], "<f4").tobytes(), [1]),
        ("INT32", b"1234", [2]),
        ("BYTES", b"\x05\x00\x00\x00ab", [1]),
        ("BYTES", b"\x01", [1]),
        ("BYTES", b"\x02\x00\x00\x00\xff\xfe", [1]),
    ],
)
def test_wrong_binary_data(datatype, data, shape):
    with pytest.raises(MalformedRequest, match="tensor x"):
        decode(*binary(datatype, data, shape))


def test_binary_data_that_belong_to_nothing():
    head = body(tensor())
    with pytest.raises(MalformedRequest, match="belong to no tensor"):
        decode(head + b"more", str(len(head)))


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [False, True])
def test_kserves_own_client_is_understood_and_understands(client, binary_in, binary_out):
    queries = InferInput("query", [2], "BYTES")
    queries.set_data_from_numpy(np.array([b"one", "दो".encode()], dtype=object), binary_data=binary_in)
    outputs = [RequestedOutput("answer", {"binary_data": binary_out})]
    sent, json_length = InferRequest("intent-classifier", [queries], request_id="7", request_outputs=outputs).to_rest()
    headers = {HEADER_LENGTH: str(json_length)} if json_length else {}
    content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    answer = client().post(PATH, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    assert (HEADER_LENGTH in answer.headers) == binary_out
    length = int(answer.headers.get(HEADER_LENGTH, len(answer.content)))
    response = InferResponse.from_bytes(answer.content, length)
    assert (response.id, response.model_name) == ("7", "intent-classifier")
    assert json.loads(answer.content[:length])["model_version"] == "1.4.0"
    texts = [t.decode() if isinstance(t, bytes) else t for t in response.outputs[0].as_numpy()]
    assert [json.loads(text)["intent"] for text in texts] == ["one", "दो"]


def test_an_answer_keeps_the_requests_id():
    request = decode(body(tensor(), id="a-1"))
    text, headers = encode(request, "m", "1.0.0", [{"a": 1}])
    assert json.loads(text)["id"] == "a-1"
    assert headers == {"Content-Type": "application/json"}
