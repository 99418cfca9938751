from components.image import component


@component
def promote(key: str, version: str):
    """Make a packaged version the champion: the one that is served.

    Args:
        key: The model's key.
        version: The semantic version.
    """
    from nivesh import bundle, registry

    bundle.verify(registry.bundle_of(registry.find(key, version)))
    champion = registry.serve(key, version)
    print(f"{key} {version} is the champion, stage {champion.tags['stage']}")
