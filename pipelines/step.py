"""How a step runs on a cluster; kfp.local ignores all of it. Nothing here depends on the machine that compiles."""

from kfp import dsl, kubernetes

from nivesh import models
from nivesh.registry import tracking

# What differs from cluster to cluster comes from this Secret, which helm/nivesh makes.
SECRET = "nivesh-training"
ENVIRONMENT = (
    "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "NIVESH_BUNDLE_STORE", "NIVESH_SERVING_NAMESPACE",
)  # fmt: skip
# Token and kubeconfig of the ServiceAccount that may change InferenceServices: only the last step has them.
DEPLOY_SECRET, DEPLOY_FOLDER = "nivesh-deploy", "/var/run/nivesh-deploy"
MONITORING_ENVIRONMENT = ("NIVESH_PREDICTION_STORE", "NIVESH_MONITORING_STORE", "KF_PIPELINES_ENDPOINT")
# Models that are tuned elsewhere: the Google project. The pod's workload identity gives the credentials.
REMOTE_SECRET, REMOTE_ENVIRONMENT = (
    "nivesh-google",
    ("NIVESH_GOOGLE_PROJECT", "NIVESH_GOOGLE_REGION", "NIVESH_GOOGLE_BUCKET"),
)
# (CPU request, memory request, memory limit) of steps that compute, by family, and of all others.
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
    """The image of a model's steps; ``pipelines.compile_to`` puts a registry before it."""
    return f"nivesh/train-{models.get(key).spec.runtime}:dev"


def deploys(task: dsl.PipelineTask) -> dsl.PipelineTask:
    """Give a task the rights to change InferenceServices. A step has no ServiceAccount of its own, so its token is mounted."""
    kubernetes.use_secret_as_volume(task, DEPLOY_SECRET, DEPLOY_FOLDER)
    kubernetes.use_secret_as_env(task, DEPLOY_SECRET, {"path": "KUBECONFIG"})
    return task


def step(task: dsl.PipelineTask, key: str, *, heavy: bool = False) -> dsl.PipelineTask:
    """Give a task its image, environment, resources, time limit and retries.

    Its display name stays that of the task: KFP before 2.2 finds a step's outputs by its display name.

    Args:
        task: the task.
        key: the model's key.
        heavy: it trains or evaluates, for hours at most; other steps take minutes.
    """
    _configure(task, key, heavy)
    if models.get(key).spec.needs:
        kubernetes.use_secret_as_env(task, REMOTE_SECRET, {name: name for name in REMOTE_ENVIRONMENT})
    return task


def monitoring_step(task: dsl.PipelineTask, key: str) -> dsl.PipelineTask:
    """Like ``step`` in an image of its own, for a command that reads predictions and may start a training."""
    given = task.container_spec.image if task.container_spec else ""
    _configure(task, key, heavy=False)
    task.set_container_image(given)
    return kubernetes.use_secret_as_env(task, SECRET, {name: name for name in MONITORING_ENVIRONMENT})


def _configure(task: dsl.PipelineTask, key: str, heavy: bool) -> None:
    cpu, memory, memory_limit = HEAVY[models.get(key).spec.runtime] if heavy else LIGHT
    # KFP's cache knows an input by its artifact's address, which differs in each run, so it could never answer.
    task.set_container_image(image(key)).set_caching_options(False)
    task.set_cpu_request(cpu).set_memory_request(memory).set_memory_limit(memory_limit)
    seconds = HEAVY_SECONDS if heavy else LIGHT_SECONDS
    # The retries outlast a minute without S3 or MLflow. Argo counts "max duration" from the start of the first attempt, the
    # attempts themselves included, and ends an attempt that exceeds it.
    all_attempts = (RETRIES + 1) * seconds + 120
    task.set_retry(RETRIES, backoff_duration="15s", backoff_factor=2, backoff_max_duration=f"{all_attempts}s")
    kubernetes.set_timeout(task, seconds)
    # KFP before 2.2 ignores this; see manifests/training/kubeflow-2.0.
    kubernetes.use_field_path_as_env(task, tracking.RUN_ID, "metadata.labels['pipeline/runid']")
    kubernetes.use_secret_as_env(task, SECRET, {name: name for name in ENVIRONMENT})
