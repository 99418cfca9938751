"""The client: where it finds its cluster, and which answers of an API server are errors of which kind."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nivesh.errors import ClusterError, ClusterUnavailable, ModelNotFound
from nivesh.rollout import cluster


def test_no_cluster_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterError, match="no cluster is configured"):
        cluster.Cluster()


@pytest.mark.parametrize("text", [":::{{", "just text", "a: [", ""])
def test_a_file_that_is_no_kubeconfig_is_one_clear_line(monkeypatch, tmp_path, text):
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(ClusterError, match="no cluster is configured"):
        cluster.Cluster()


@pytest.mark.parametrize(("context", "namespace"), [({}, "nivesh"), ({"namespace": "own"}, "own")])
def test_the_namespace_is_the_contexts_or_that_of_the_manifests(monkeypatch, tmp_path, context, namespace):
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"} | context}],
        "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert cluster.Cluster().namespace == namespace
    assert cluster.Cluster("other").namespace == "other"


@pytest.fixture
def api_server(monkeypatch, tmp_path):
    """An API server that has KServe's kind, and answers requests for its objects with ``server.answer``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            version = {"groupVersion": "serving.kserve.io/v1beta1", "version": "v1beta1"}
            group = {"name": "serving.kserve.io", "versions": [version], "preferredVersion": version}
            kind = {"name": "inferenceservices", "singularName": "inferenceservice", "namespaced": True}
            kind |= {"kind": "InferenceService", "verbs": ["get", "list", "patch"]}
            known = {
                "/version": {"kind": "", "major": "1", "minor": "34"},
                "/api": {"kind": "APIVersions", "versions": ["v1"]},
                "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
                "/apis": {"kind": "APIGroupList", "groups": [group] if self.server.kserve else []},
                "/apis/serving.kserve.io/v1beta1": {
                    "kind": "APIResourceList",
                    "groupVersion": "serving.kserve.io/v1beta1",
                    "resources": [kind],
                },
            }
            path = self.path.partition("?")[0].rstrip("/")
            status, body = (200, known[path]) if path in known else self.server.answer
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_PATCH = do_GET

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "users": [{"name": "me", "user": {"token": "none"}}],
        }
        (tmp_path / "config").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        server.kserve = True
        yield server
        server.shutdown()


def refusal(status: int, message: str) -> tuple[int, dict]:
    return status, {"kind": "Status", "code": status, "message": message}


def test_an_absent_model_is_not_found(api_server):
    api_server.answer = refusal(404, "not found")
    with pytest.raises(ModelNotFound, match="namespace nivesh has no InferenceService iris"):
        cluster.Cluster().read("iris")


def test_a_cluster_without_kserve_is_told_from_one_without_the_model(api_server):
    api_server.kserve = False
    with pytest.raises(ClusterError, match="does not have InferenceService of serving.kserve.io/v1beta1; is it inst"):
        cluster.Cluster().read("iris")


def test_a_refusal_is_not_retried(api_server):
    api_server.answer = refusal(403, "user me cannot get inferenceservices")
    with pytest.raises(ClusterError, match="^user me cannot get inferenceservices$") as caught:
        cluster.Cluster().read("iris")
    assert not isinstance(caught.value, ClusterUnavailable)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_overloaded_api_server_may_be_asked_again(api_server, status):
    api_server.answer = refusal(status, "etcd has no leader")
    with pytest.raises(ClusterUnavailable, match="answers etcd has no leader"):
        cluster.Cluster().read("iris")


def test_an_api_server_that_is_down_may_be_asked_again(api_server):
    api_server.answer = 200, {"items": []}
    kubernetes = cluster.Cluster()
    assert kubernetes.names() == []
    api_server.shutdown()
    api_server.server_close()
    with pytest.raises(ClusterUnavailable, match="does not answer"):
        kubernetes.names()


def test_a_conflict_is_no_error(api_server):
    service = {"metadata": {"name": "iris", "resourceVersion": "1"}}
    api_server.answer = refusal(409, "the object has been modified")
    assert cluster.Cluster().patch(service, {}) is False
    api_server.answer = 200, {}
    assert cluster.Cluster().patch(service, {}) is True
    api_server.answer = refusal(400, 'InferenceService: "": strict decoding error: unknown field "spec.nothing"')
    with pytest.raises(ClusterError, match='unknown field "spec.nothing"'):
        cluster.Cluster().patch(service, {})
