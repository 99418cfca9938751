from components.image import component


@component
def deploy(key: str, version: str, canary: int):
    """Bring a packaged version to where it is served: a canary on a cluster, the champion on one machine.

    Args:
        key: The model's key.
        version: The semantic version.
        canary: Percent of the requests that it gets on a cluster.
    """
    from nivesh.registry import tracking
    from nivesh.rollout import release

    with tracking.step(key, "deploy"):
        print(release.deploy(key, version, canary))
    tracking.finish(key)
