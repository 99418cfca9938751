from typing import Annotated

from typer import Argument, Option

from nivesh.cli import out


def publish(
    key: Annotated[str, Argument(help="the model")],
    version: Annotated[str | None, Option(help="a packaged version; by default the champion")] = None,
):
    """Upload a packaged model to S3, from where a cluster's InferenceServices load it. A published version never changes.

    **Examples**

    nivesh publish intent_classifier

    AWS_ENDPOINT_URL=http://127.0.0.1:9000 nivesh publish credit_risk --version 1.1.0
    """
    from nivesh import models
    from nivesh.registry import bundle_cache, storage
    from nivesh.rollout import champion
    from nivesh.settings import settings

    name = models.get(key).key
    folder = settings().bundles / name / version if version else bundle_cache.champion_folder(name)
    address = storage.publish(folder)
    champion.tag(name, folder.name, "bundle", address)  # promotion recognises the served bundle by its address
    out.print(address, highlight=False)
