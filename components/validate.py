from kfp.dsl import Dataset, Input, Output

from components.image import component


@component
def validate(key: str, raw: Input[Dataset], rows: Output[Dataset]):
    """Check every row of the file and store the rows in one format. A broken rule ends the run and names the row.

    Args:
        key: The model's key.
        raw: A folder with the file.
        rows: The checked rows, Parquet.
    """
    from pathlib import Path

    from nivesh import data, models

    (file,) = Path(raw.path).iterdir()
    frame = data.read(models.get(key).spec.dataset, file)
    data.write_parquet(frame, rows.path)
    rows.metadata |= {**raw.metadata, "rows": len(frame)}
    print(f"{len(frame)} rows pass the checks")
