"""How a step runs on a cluster. On one machine all of this is passed over; nothing in it depends on who compiles."""

from kfp import dsl, kubernetes

from nivesh import models
from nivesh.registry import tracking

# What differs from cluster to cluster comes from this Secret: see manifests/training.
SECRET = "nivesh-training"
ENVIRONMENT = (
    "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "MLFLOW_TRACKING_URI",
    "NIVESH_BUNDLE_STORE", "NIVESH_SERVING_NAMESPACE",
)  # fmt: skip
# Models that are tuned elsewhere: which Google project. Who they are there is told by the pod's workload identity.
REMOTE_SECRET, REMOTE_ENVIRONMENT = (
    "nivesh-google",
    ("NIVESH_GOOGLE_PROJECT", "NIVESH_GOOGLE_REGION", "NIVESH_GOOGLE_BUCKET"),
)
# (CPU asked, memory asked, memory at most) of steps that compute, by family, and of all others.
HEAVY = {
    "text": ("500m", "1Gi", "4Gi"),
    "tabular": ("500m", "512Mi", "2Gi"),
    "forecast": ("500m", "512Mi", "2Gi"),
    "remote": ("100m", "512Mi", "2Gi"),
}
LIGHT = ("100m", "256Mi", "2Gi")
HEAVY_SECONDS, LIGHT_SECONDS = 4 * 3600, 1200
RETRIES = 3


def image(key: str) -> str:
    """The image of a model's steps; a registry is put before it by ``pipelines.compile_to``."""
    return f"nivesh/train-{models.get(key).spec.runtime}:dev"


def step(task: dsl.PipelineTask, key: str, *, heavy: bool = False, cached: bool = True) -> dsl.PipelineTask:
    """Give a task its image, environment, size, time and second chances.

    Its display name stays that of the task: KFP before 2.2 finds a step's outputs by its display name.

    Args:
        task: the task.
        key: the model's key.
        heavy: it computes for long.
        cached: a run with the same input may take the result of another run. Not where it reads what may have changed, or
            writes to S3, MLflow or the cluster.
    """
    cpu, memory, most = HEAVY[models.get(key).spec.runtime] if heavy else LIGHT
    task.set_container_image(image(key)).set_caching_options(cached)
    task.set_cpu_request(cpu).set_memory_request(memory).set_memory_limit(most)
    seconds = HEAVY_SECONDS if heavy else LIGHT_SECONDS
    # A minute without S3 or MLflow is over before the last try. Argo counts "max duration" from the begin of the first try,
    # with all that the tries compute, and ends a try that goes on for longer.
    longest = (RETRIES + 1) * seconds + 120
    task.set_retry(RETRIES, backoff_duration="15s", backoff_factor=2, backoff_max_duration=f"{longest}s")
    kubernetes.set_timeout(task, seconds)
    # KFP before 2.2 passes over this; see manifests/training/kubeflow-2.0.
    kubernetes.use_field_path_as_env(task, tracking.RUN_ID, "metadata.labels['pipeline/runid']")
    kubernetes.use_secret_as_env(task, SECRET, {name: name for name in ENVIRONMENT})
    if models.get(key).spec.needs:
        kubernetes.use_secret_as_env(task, REMOTE_SECRET, {name: name for name in REMOTE_ENVIRONMENT})
    return task
