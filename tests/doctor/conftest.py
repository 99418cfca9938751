import pytest


@pytest.fixture(autouse=True)
def nothing_configured(home, monkeypatch):
    """No part but what a test names."""
    for name in (
        "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
        "KF_PIPELINES_ENDPOINT", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "NIVESH_BUNDLE_STORE", "NIVESH_MONITORING_STORE",
        "NIVESH_PREDICTION_STORE", "NIVESH_PROMETHEUS_URL",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home.parent))  # no kubeconfig and no AWS profile of the developer
