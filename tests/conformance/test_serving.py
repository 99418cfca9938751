"""Every model behind a real server: the guide's path, KServe's protocols, errors, metrics."""

import json
import re

import pytest
from pydantic import TypeAdapter

from nivesh import models

KEYS = models.keys()


def spec(key: str):
    return models.get(key).spec


def dashed(key: str) -> str:
    return key.replace("_", "-")


@pytest.mark.parametrize("key", KEYS)
def test_the_guides_example_is_answered(key, server):
    answer = server.post(spec(key).path, json=spec(key).example)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-model-version"] == "1.0.0"
    TypeAdapter(models.get(key).Answer).validate_python(answer.json())


@pytest.mark.parametrize("key", KEYS)
def test_v1_and_v2_give_the_same_answer(key, server):
    direct = server.post(spec(key).path, json=spec(key).example).json()
    v1 = server.post(f"/v1/models/{dashed(key)}:predict", json={"instances": [spec(key).example] * 2})
    assert v1.json() == {"predictions": [direct, direct]}
    assert server.post(f"/v1/models/{key}:predict", json={"instances": [spec(key).example]}).status_code == 200
    tensor = {"name": "request", "shape": [1], "datatype": "BYTES", "data": [json.dumps(spec(key).example)]}
    v2 = server.post(f"/v2/models/{dashed(key)}/infer", json={"inputs": [tensor]}).json()
    assert (v2["model_name"], v2["model_version"]) == (dashed(key), "1.0.0")
    assert json.loads(v2["outputs"][0]["data"][0]) == direct


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 422), ("{}", 422), ('{"unknown_field": 1}', 422), ("", 422), ("x" * 1_000_001, 413)],
)
def test_what_is_wrong_gets_its_status_and_a_sentence(key, server, body, status):
    answer = server.post(spec(key).path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize("key", KEYS)
def test_kserves_paths_refuse_as_well(key, server):
    path = f"/v1/models/{dashed(key)}:predict"
    assert server.post(path, json={"instances": [{"unknown_field": 1}]}).status_code == 422
    assert server.post(path, json={"instances": []}).status_code == 422
    assert server.post(path, json={"rows": 1}).status_code == 422
    assert server.post(path, content="{").status_code == 400
    assert server.post("/v1/models/no-such:predict", json={"instances": [{}]}).status_code == 404


@pytest.mark.parametrize("key", [key for key in KEYS if spec(key).user_features])
def test_an_unknown_user_is_404(key, server):
    consent = {spec(key).consent: True} if spec(key).consent else {}
    answer = server.post(spec(key).path, json=spec(key).example | {"user_id": "nobody"} | consent)
    assert answer.status_code == 404
    assert "'nobody'" in answer.json()["error"]


@pytest.mark.parametrize("key", KEYS)
def test_answers_and_errors_are_counted_by_version(key, server):
    def counted(name: str) -> float:
        found = re.findall(rf'^{name}{{(.*model_name="{key}".*version="1.0.0".*)}} (\S+)$', metrics(), re.M)
        return sum(float(value) for _, value in found)

    def metrics() -> str:
        return server.get("/metrics").text

    predictions, errors, seconds = map(
        counted, ("ml_predictions_total", "ml_errors_total", "ml_prediction_latency_seconds_count")
    )
    server.post(spec(key).path, json=spec(key).example)
    server.post(spec(key).path, json={})
    assert counted("ml_predictions_total") == predictions + 2
    assert counted("ml_errors_total") == errors + 1
    assert counted("ml_prediction_latency_seconds_count") == seconds + 1
    assert 'source="held_out"' in re.search(rf'ml_model_accuracy{{(.*model_name="{key}".*)}}', metrics())[1]
    assert counted("ml_model_accuracy") == pytest.approx(
        next(m for m in server.get("/models").json()["models"] if m["name"] == key)["metrics"][spec(key).primary]
    )


def test_health_models_and_openapi(server):
    assert server.get("/health").json() == {"status": "healthy", "models_loaded": len(KEYS), "models_missing": []}
    assert {model["name"] for model in server.get("/models").json()["models"]} == set(KEYS)
    paths = server.get("/openapi.json").json()["paths"]
    assert {spec(key).path for key in KEYS} <= set(paths)
    assert f"ml_active_models {len(KEYS)}.0" in server.get("/metrics").text


def test_paths_and_methods_that_are_not_there(server):
    assert server.post("/predict/nothing", json={}).status_code == 404
    assert server.get(spec(KEYS[0]).path).status_code == 405


def test_many_at_once_are_all_answered(server):
    """The event loop stays free: health answers while the slowest predictions are on their way."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(server.post, spec(key).path, json=spec(key).example) for _ in range(10) for key in KEYS]
        health = [server.get("/health") for _ in range(5)]
    assert {answer.result().status_code for answer in answers} == {200}
    assert {answer.status_code for answer in health} == {200}
    assert max(answer.elapsed.total_seconds() for answer in health) < 2
