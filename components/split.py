from kfp.dsl import Dataset, Input, Output

from components.image import component


@component
def split(key: str, rows: Input[Dataset], seed: int, learn: Output[Dataset], held_out: Output[Dataset]):
    """Hold rows out that nothing of the training will see.

    Args:
        key: The model's key.
        rows: The rows to divide.
        seed: Where the choice is random, what it is drawn from.
        learn: Rows for fitting, tuning and thresholds.
        held_out: Rows for the one final measurement.
    """
    from nivesh import data, models

    parts = models.get(key).split(data.load(rows.path), seed)
    data.write(parts.train, learn.path)
    data.write(parts.test, held_out.path)
    facts = {"rows_learned": len(parts.train), "rows_held_out": len(parts.test), "split": parts.why}
    learn.metadata |= rows.metadata | facts
    held_out.metadata |= rows.metadata | facts
    print(f"{len(parts.train)} rows to learn from, {len(parts.test)} held out: {parts.why}")
