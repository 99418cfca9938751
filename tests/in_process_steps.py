"""Run the steps of a local pipeline in this process: kfp.local as it is, but for the interpreter of each step."""

import json
import traceback
from typing import Any

from kfp.dsl.executor import Executor


def run(full_command: list[str], env_vars: dict[str, str] | None = None) -> int:
    """In place of ``kfp.local.subprocess_task_handler.run_local_subprocess``: executes the step's code of the compiled YAML.

    Returns:
        The exit code that the step's own process would have.
    """
    options = dict(zip(full_command, full_command[1:], strict=False))
    source = full_command[full_command.index("--executor_input") - 1]
    namespace: dict[str, Any] = {}
    try:
        exec(source, namespace)
        function = namespace[options["--function_to_execute"]]
        Executor(executor_input=json.loads(options["--executor_input"]), function_to_execute=function).execute()
    except Exception:  # noqa: BLE001  any error ends a step
        print(traceback.format_exc())
        return 1
    return 0
