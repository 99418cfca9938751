from kfp.dsl import Dataset, Input, Output

from components.image import component


@component
def validate(key: str, raw: Input[Dataset], rows: Output[Dataset], dialect: str = "", golden_path: str = ""):
    """Check every row of the file and store the rows in one format. A broken rule ends the run and names the row.

    Args:
        key: The model's key.
        raw: A folder with the file.
        rows: The checked rows, Parquet; its metadata keep the dialect.
        dialect: How the file differs from the project's format, as YAML.
        golden_path: A file of rows that no model is trained on; those that are in the file too are left out.
    """
    from pathlib import Path

    from nivesh import data, models
    from nivesh.data import dialect as dialects
    from nivesh.registry import golden_set

    (file,) = Path(raw.path).iterdir()
    dataset = data.DATASETS[models.get(key).spec.dataset]
    read = dataset.read_rows(file, dialect=dialects.parse(dialect))
    checked, notes = read.sorted, list(read.notes)
    if golden_path:
        kept = golden_set.without(checked, golden_set.read(key, golden_path), dataset.kind)
        if len(kept) < len(checked):
            notes.append(f"{len(checked) - len(kept)} rows of the golden set are left out")
        checked = kept
    data.write_parquet(checked, rows.path)
    rows.metadata |= {**raw.metadata, "rows": len(checked), "dialect": dialect, "notes": "; ".join(notes)}
    for note in notes:
        print(f"note: {file.name}: {note}")
    print(f"{len(checked)} rows pass the checks")
