from kfp.dsl import Dataset, Output

from components.image import component


@component
def ingest(key: str, data_path: str, raw: Output[Dataset]):
    """Copy the user's file (the shipped sample where data_path is empty) into the run, with its sha256.

    Args:
        key: The model's key.
        data_path: A file of the model's dataset kind, or "".
        raw: A folder with the file, unchanged.
    """
    import hashlib
    import shutil
    from pathlib import Path

    from nivesh import data, models
    from nivesh.errors import DataError

    source = Path(data_path) if data_path else data.sample(models.get(key).SPEC.dataset)
    if not source.is_file():
        raise DataError(f"{source}: there is no such file")
    folder = Path(raw.path)
    folder.mkdir(parents=True)
    copy = shutil.copy(source, folder)
    digest = hashlib.sha256(Path(copy).read_bytes()).hexdigest()
    raw.metadata |= {"data_source": str(source) if data_path else f"sample {source.name}", "data_sha256": digest}
    print(f"{source.name}, sha256 {digest[:12]}")
