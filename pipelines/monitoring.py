"""The monitoring pipeline, one graph for every model: ``nivesh monitor run`` as a step on the cluster."""

from kfp import dsl

from nivesh import models
from pipelines.step import monitoring_step

IMAGE = "nivesh/platform:dev"  # the command line and Evidently, which no step of a training needs
PREFIX = "monitor-"  # before the model's name, in the names of pipelines and runs


def monitoring_pipeline(key: str) -> dsl.base_component.BaseComponent:
    """The Kubeflow pipeline ``monitor-<key>`` that judges a window of a model's predictions.

    Its one step is the command of the same name, so that a cluster and a laptop run the same code.
    """
    purpose = models.get(key).spec.purpose

    @dsl.container_component
    def judge(days: float, end: str, retrain_on: str):
        return dsl.ContainerSpec(
            image=IMAGE,
            command=["python", "-m", "nivesh.cli", "monitor", "run", key],
            args=["--days", days, "--end", end, "--retrain-on", retrain_on],
        )

    @dsl.pipeline(name=f"{PREFIX}{key.replace('_', '-')}", description=f"Judge recent predictions of: {purpose}")
    def monitor(days: float = 7.0, end: str = "", retrain_on: str = "never"):
        """Compare a window of predictions with the training data; train again where that helps.

        Args:
            days: Length of the window.
            end: End of the window, ISO 8601, UTC; empty means now.
            retrain_on: never, quality-drop or always.
        """
        monitoring_step(judge(days=days, end=end, retrain_on=retrain_on), key)

    return monitor
