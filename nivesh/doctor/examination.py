"""All checks at once, each in a thread of its own, none waited for longer than DEADLINE."""

import threading
import time
from collections.abc import Callable, Sequence

from nivesh.doctor import cluster, features, machine, metrics, registry, storage
from nivesh.doctor.finding import Finding, fail
from nivesh.errors import NiveshError

# Seconds for all requests of one check. A request has finding.TIMEOUT; imports and name resolution come on top.
DEADLINE = 15.0

Check = Callable[[], list[Finding]]
CHECKS: dict[str, Check] = {
    "Python": machine.python,
    "packages": machine.packages,
    "home": machine.home,
    "MLflow": registry.mlflow,
    "Redis": features.redis_server,
    "bundle store": storage.bundles,
    "prediction log": storage.predictions,
    "monitoring store": storage.monitoring,
    "Kubernetes": cluster.kubernetes,
    "Kubeflow Pipelines": cluster.pipelines,
    "Prometheus": metrics.prometheus,
    "clocks": machine.clocks,
}


def examine(checks: dict[str, Check] | None = None, deadline: float = DEADLINE) -> list[Finding]:
    """The findings of all checks, in their order.

    Args:
        checks: by the name of the part; all of them without any.
        deadline: seconds after which a check that has not ended is a failure of its part.
    """
    checks = CHECKS if checks is None else checks
    results: dict[str, Sequence[Finding]] = {}
    # Daemons: a check that hangs must not keep the process from ending.
    threads = {
        name: threading.Thread(target=_run, args=(name, check, results), daemon=True) for name, check in checks.items()
    }
    for thread in threads.values():
        thread.start()
    end = time.monotonic() + deadline
    for thread in threads.values():
        thread.join(max(0.0, end - time.monotonic()))
    late = {
        name: [fail(name, f"no answer within {deadline:g} s", "look whether its address resolves and is reachable")]
        for name in checks
    }
    return [finding for name in checks for finding in results.get(name, late[name])]


def _run(name: str, check: Check, results: dict[str, Sequence[Finding]]) -> None:
    try:
        results[name] = check()
    except NiveshError as error:  # settings that cannot be read
        results[name] = [fail(name, str(error), "correct the setting that the message names")]
    except Exception as error:  # noqa: BLE001 - one part's surprise must not hide the other parts' findings
        results[name] = [fail(name, f"{type(error).__name__}: {error}", "report this: the check itself failed")]
