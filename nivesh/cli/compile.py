from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from nivesh.cli import out
from nivesh.cli.run import Registry


def compile(
    keys: Annotated[list[str] | None, Argument(help="model keys; all models if omitted")] = None,
    output: Annotated[Path, Option("--output", "-o", file_okay=False, help="folder for the YAML files")] = Path(
        "compiled"
    ),
    registry: Registry = "",
):
    """Compile the training pipelines to KFP YAML, for upload to Kubeflow.

    **Examples**

    nivesh compile

    nivesh compile credit_risk -o build/pipelines
    """
    import pipelines
    from nivesh import models

    for name in [models.get(key).key for key in keys or models.keys()]:
        out.print(str(pipelines.compile_to(name, output / f"{name}.yaml", registry)), highlight=False)
