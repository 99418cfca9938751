"""One shape of errors, the right status, and a count of every refusal, on all paths."""

import gzip
import zlib

import pytest
from prometheus_client import REGISTRY

GUIDE, V1, V2 = "/predict/intent", "/v1/models/intent-classifier:predict", "/v2/models/intent-classifier/infer"
TEXT = b'{"query": "Can I afford a car?"}'


def counted(status: str) -> float:
    labels = {"model_name": "intent_classifier", "version": "1.4.0", "status": status}
    return REGISTRY.get_sample_value("ml_predictions_total", labels) or 0.0


@pytest.mark.parametrize("content_type", [None, "application/json", "application/json; charset=utf-8", "text/plain",
                                          "application/x-www-form-urlencoded"])  # fmt: skip
@pytest.mark.parametrize(("path", "body"), [(GUIDE, TEXT), (V1, b'{"instances": [' + TEXT + b"]}")])
def test_json_is_read_whatever_the_content_type(client, path, body, content_type):
    answer = client().post(path, content=body, headers={"Content-Type": content_type} if content_type else {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Model-Version"] == "1.4.0"
    assert "Can I afford a car?" in answer.text


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies(client, encoding, compress):
    send = client(MAX_BODY_BYTES="1000").post
    headers = {"Content-Encoding": encoding}
    assert send(GUIDE, content=compress(TEXT), headers=headers).json()["intent"] == "Can I afford a car?"
    assert send(GUIDE, content=TEXT, headers=headers).status_code == 400
    assert send(GUIDE, content=compress(TEXT)[:-6], headers=headers).status_code == 400
    bomb = compress(b'{"query": "' + b"a" * 1_000_000 + b'"}')
    assert len(bomb) < 2000
    assert client(MAX_BODY_BYTES="5000").post(GUIDE, content=bomb, headers=headers).status_code == 413
    assert send(GUIDE, content=TEXT, headers={"Content-Encoding": "br"}).status_code == 400


@pytest.mark.parametrize("path", [GUIDE, V1, V2])
@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", '{"query": "é"}'.encode("latin-1"), b'{"query": NaN}', b"[" * 200_000, b'{"query": "\\ud800"}',
     b'{"a": ' + b"9" * 5000],
    ids=["cut", "bytes", "latin-1", "nan", "brackets", "surrogate", "digits"],
)  # fmt: skip
def test_what_is_no_json_is_400_and_counted(client, path, body):
    before = counted("client_error")
    answer = client().post(path, content=body)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error"]
    assert counted("client_error") == before + 1


def test_a_clients_errors_are_not_the_models(client):
    before = {status: counted(status) for status in ("success", "client_error", "error")}
    send = client().post
    assert send(GUIDE, content=TEXT).status_code == 200
    assert send(GUIDE, json={"query": 5, "more": 1}).status_code == 422
    assert send(V1, json={"instances": [{"query": "a"}, {"query": ""}]}).status_code == 422
    assert send(V1, json={"instances": []}).status_code == 422
    assert send(V2, json={"inputs": []}).status_code == 400
    after = {status: counted(status) - before[status] for status in before}
    assert after == {"success": 1, "client_error": 1 + 2 + 1 + 1, "error": 0}


def test_instances_are_limited(client):
    send = client(MAX_INSTANCES="3").post
    assert send(V1, json={"instances": [{"query": "a"}] * 3}).status_code == 200
    answer = send(V1, json={"instances": [{"query": "a"}] * 4})
    assert (answer.status_code, answer.json()) == (
        413,
        {"error": "4 instances in one request; send at most 3 at a time"},
    )


def test_what_is_refused_at_the_door_is_counted(client):
    before = counted("client_error")
    guarded = client(API_KEY="s3cret", MAX_BODY_BYTES="10").post
    assert guarded(GUIDE, content=b"{}").status_code == 401
    assert guarded(V2, content=TEXT, headers={"X-API-Key": "s3cret"}).status_code == 413
    assert guarded("/predict/other", content=TEXT).status_code == 401
    assert counted("client_error") == before + 2


@pytest.mark.parametrize("path", ["/health", "/models", "/metrics", "/v1/models", "/v2", "/v2/health/ready",
                                  "/v2/models/intent-classifier", "/v1/models/intent_classifier", "/"])  # fmt: skip
def test_get_and_head(client, path):
    server = client()
    assert server.get(path).status_code == 200
    head = server.head(path)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/predict/intent/", "/predict/nothing", "/v1/models/iris:predict", "/v2/models/a%0Ab/infer",
             "/v2/repository/models/intent-classifier/unload", "/v2/models/intent-classifier/versions/9.9.9/infer"]
)  # fmt: skip
def test_paths_that_are_not_there(client, path):
    answer = client().post(path, content=TEXT, follow_redirects=False)
    assert answer.status_code == 404
    assert list(answer.json()) == ["error"]


def test_a_method_that_is_not_allowed(client):
    answer = client().get(GUIDE)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert list(answer.json()) == ["error"]


def test_versions_are_told_and_can_be_asked_for(client):
    server = client()
    assert server.get("/v2/models/intent-classifier").json()["versions"] == ["1.4.0"]
    tensor = {"name": "query", "shape": [1], "datatype": "BYTES", "data": ["hello"]}
    answer = server.post("/v2/models/intent-classifier/versions/1.4.0/infer", json={"inputs": [tensor]})
    assert (answer.status_code, answer.headers["X-Model-Version"]) == (200, "1.4.0")


def test_openapi_says_what_is_sent(client):
    described = client().get("/openapi.json").json()
    operation = described["paths"][GUIDE]["post"]
    assert {"200", "400", "401", "404", "413", "422", "429", "500", "503"} == set(operation["responses"])
    for status in ("400", "422", "503"):
        content = operation["responses"][status]["content"]["application/json"]
        assert content["schema"]["$ref"] == "#/components/schemas/Error"
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert described["components"]["schemas"][reference.split("/")[-1]]["properties"].keys() == {"query"}
    assert not any("repository" in path for path in described["paths"])
    assert list(described["paths"]["/metrics"]["get"]["responses"]["200"]["content"]) == ["text/plain"]
