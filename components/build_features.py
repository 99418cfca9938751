from kfp.dsl import Dataset, Input, Output

from components.image import component


@component
def build_features(key: str, rows: Input[Dataset], features: Output[Dataset]):
    """Add to each row the features that were known at its event time.

    Args:
        key: The model's key.
        rows: The checked rows.
        features: The same rows with features.
    """
    from nivesh import data, models

    frame = models.get(key).build_features(data.read_parquet(rows.path))
    data.write_parquet(frame, features.path)
    features.metadata |= rows.metadata
    print(f"{len(frame)} rows, {len(frame.columns)} columns")
