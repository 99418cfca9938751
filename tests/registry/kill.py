"""Ends a process at one of its writes to MLflow: from then on nothing that it does reaches MLflow."""

import mlflow

WRITES = (
    "create_experiment", "create_run", "set_tag", "log_batch", "log_artifact", "log_artifacts", "update_run", "set_terminated",
    "create_registered_model", "create_model_version", "update_model_version",
    "set_registered_model_tag", "delete_registered_model_tag", "set_model_version_tag", "delete_model_version_tag",
    "set_registered_model_alias", "delete_registered_model_alias",
)  # fmt: skip


class Killed(BaseException):
    pass


class Kill:
    """``at(n)``: the process ends at its n-th write from now on, before that write; ``at(0)``: another process begins."""

    def __init__(self, monkeypatch):
        self.left, self.dead = 0, False
        for name in WRITES:
            monkeypatch.setattr(mlflow.MlflowClient, name, self._before(getattr(mlflow.MlflowClient, name)))

    def at(self, number: int) -> None:
        self.left, self.dead = number, False

    def _before(self, write):
        def call(*arguments, **keywords):
            if self.left:
                self.left -= 1
                self.dead = self.left == 0
            if self.dead:
                raise Killed
            return write(*arguments, **keywords)

        return call
