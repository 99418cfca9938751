from kfp.dsl import Dataset, Input, Output

from components.image import component


@component
def split(key: str, rows: Input[Dataset], seed: int, train: Output[Dataset], test: Output[Dataset]):
    """Split the rows into train and test; training never sees the test rows.

    Args:
        key: The model's key.
        rows: The rows to split.
        seed: Seed of the split, where it is random.
        train: Rows for fitting, tuning and thresholds.
        test: Held-out rows, for the final evaluation only.
    """
    from nivesh import data, models

    parts = models.get(key).split(data.read_parquet(rows.path), seed)
    data.write_parquet(parts.train, train.path)
    data.write_parquet(parts.test, test.path)
    facts = {"train_rows": len(parts.train), "test_rows": len(parts.test), "split": parts.why}
    train.metadata |= rows.metadata | facts
    test.metadata |= rows.metadata | facts
    print(f"{len(parts.train)} training rows, {len(parts.test)} test rows: {parts.why}")
