"""The paths beside KServe's own."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from kserve import Model
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.v2_endpoints import register_v2_endpoints

from nivesh.serving import app
from nivesh.serving.server import Repository


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_no_client_takes_a_model_out_of_a_server(verb):
    repository = Repository()
    model = Model("iris")
    model.ready = True
    repository.update(model)
    served = app.install(FastAPI(), [])
    register_v2_endpoints(served, DataPlane(repository), ModelRepositoryExtension(repository))
    client = TestClient(served)
    answer = client.post(f"/v2/repository/models/iris/{verb}")
    assert (answer.status_code, answer.json()["error"].split(";")[0]) == (
        404,
        f"there is no /v2/repository/models/iris/{verb}",
    )
    assert client.get("/v2/models/iris/ready").json()["ready"]
