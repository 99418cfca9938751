from kfp.dsl import Dataset, Output

from components.image import component


@component
def ingest(key: str, data_path: str, raw: Output[Dataset]):
    """Copy the user's file (the shipped sample where data_path is empty) into the run, with its sha256.

    Args:
        key: The model's key.
        data_path: A file of the model's dataset kind, s3://BUCKET/NAME, or "".
        raw: A folder with the file, unchanged.
    """
    import hashlib
    from pathlib import Path

    from nivesh import data, models
    from nivesh.registry import storage

    folder = Path(raw.path)
    folder.mkdir(parents=True)
    copy = storage.copy_data(data_path or str(data.sample(models.get(key).spec.dataset)), folder)
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    raw.metadata |= {"data_source": data_path or f"sample {copy.name}", "data_sha256": digest}
    print(f"{copy.name}, sha256 {digest[:12]}")
