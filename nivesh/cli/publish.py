from typing import Annotated

from typer import Argument, Option

from nivesh.cli import out


def publish(
    key: Annotated[str, Argument(help="the model")],
    version: Annotated[str | None, Option(help="a packaged version; the champion without it")] = None,
):
    """Upload a packaged model to S3, where a cluster's InferenceServices read it. What is there never changes.

    **Examples**

    nivesh publish intent_classifier

    AWS_ENDPOINT_URL=http://127.0.0.1:9000 nivesh publish credit_risk --version 1.1.0
    """
    from nivesh import models
    from nivesh.registry import model_registry, storage
    from nivesh.settings import settings

    name = models.get(key).key
    folder = settings().bundles / name / version if version else model_registry.champion_bundle(name)
    out.print(storage.publish(folder), highlight=False)
