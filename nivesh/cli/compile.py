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
    """Compile the pipelines of training and of monitoring to KFP YAML, for upload to Kubeflow.

    **Examples**

    nivesh compile

    nivesh compile credit_risk -o build/pipelines
    """
    import pipelines
    from nivesh import models

    for key in [models.get(key).key for key in keys or models.keys()]:
        for prefix, pipeline in pipelines.PIPELINES.items():
            path = pipelines.compile_to(key, output / f"{prefix}{key}.yaml", registry, pipeline)
            out.print(str(path), highlight=False)
