from kfp.dsl import Dataset, Input, Output

from components.image import component


@component
def split(key: str, rows: Input[Dataset], seed: int, train: Output[Dataset], test: Output[Dataset]):
    """Split the rows into train and test; nothing of the training sees the test rows.

    Args:
        key: The model's key.
        rows: The rows to split.
        seed: Draws the test rows, where the split is random.
        train: Rows for fitting, tuning and thresholds.
        test: Held-out rows, for the final evaluation only.
    """
    from nivesh import data, models

    parts = models.get(key).split(data.read_parquet(rows.path), seed)
    data.write_parquet(parts.train, train.path)
    data.write_parquet(parts.test, test.path)
    facts = {"rows_learned": len(parts.train), "rows_held_out": len(parts.test), "split": parts.why}
    train.metadata |= rows.metadata | facts
    test.metadata |= rows.metadata | facts
    print(f"{len(parts.train)} rows to learn from, {len(parts.test)} held out: {parts.why}")
