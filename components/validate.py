from kfp.dsl import Dataset, Input, Output

from components.image import component


@component
def validate(key: str, raw: Input[Dataset], rows: Output[Dataset], dialect: str = ""):
    """Check every row of the file and store the rows in one format. A broken rule ends the run and names the row.

    Args:
        key: The model's key.
        raw: A folder with the file.
        rows: The checked rows, Parquet; its metadata keep the dialect.
        dialect: How the file differs from the project's format, as YAML.
    """
    from pathlib import Path

    from nivesh import data, models
    from nivesh.data import dialect as dialects

    (file,) = Path(raw.path).iterdir()
    dataset = data.DATASETS[models.get(key).spec.dataset]
    read = dataset.read_rows(file, dialect=dialects.parse(dialect))
    data.write_parquet(read.sorted, rows.path)
    rows.metadata |= {**raw.metadata, "rows": len(read.sorted), "dialect": dialect, "notes": "; ".join(read.notes)}
    for note in read.notes:
        print(f"note: {file.name}: {note}")
    print(f"{len(read.sorted)} rows pass the checks")
