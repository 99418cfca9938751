from kfp.dsl import Artifact, Dataset, Input, Output

from components.image import component


@component
def build_features(
    key: str,
    rows: Input[Dataset],
    features: Output[Dataset],
    comparison: Output[Artifact],
    transactions: str = "",
    transactions_dialect: str = "",
):
    """Add to each row the features that were known at its event time.

    Args:
        key: The model's key.
        rows: The checked rows.
        features: The same rows with features.
        comparison: A folder; with transactions, feature_comparison.json and .png: the file's columns against those made
            from transactions.
        transactions: A file of the users' transactions, local or s3://BUCKET/NAME: users who have some get the features
            that the online store would have given, in place of the file's columns.
        transactions_dialect: How that file differs from the project's format, as YAML.
    """
    import hashlib
    import tempfile
    from pathlib import Path

    from nivesh import data, models
    from nivesh.data import dialect as dialects
    from nivesh.monitoring import feature_comparison
    from nivesh.registry import experiments, storage, tracking
    from nivesh.store.point_in_time import join_transactions

    definition, checked, folder = models.get(key), data.read_parquet(rows.path), Path(comparison.path)
    folder.mkdir(parents=True)
    frame = definition.build_features(checked)
    facts: dict[str, str | int] = {}
    if transactions:
        with tempfile.TemporaryDirectory() as work:
            copy = storage.copy_data(transactions, Path(work))
            facts["transactions_source"] = transactions
            facts["transactions_sha256"] = hashlib.sha256(copy.read_bytes()).hexdigest()
            payments = data.read("transactions", copy, dialect=dialects.parse(transactions_dialect))
        joined = join_transactions(key, checked, payments)
        made = definition.build_features(joined.rows)
        facts["rows_with_features_from_transactions"] = int(joined.is_joined.sum())
        ours, theirs = made[joined.is_joined], frame[joined.is_joined]
        derived = [name for name in frame if name not in checked and not ours[name].equals(theirs[name])]
        found = feature_comparison.compare_features(theirs, ours, [*joined.columns, *derived])
        feature_comparison.write_comparison(found, theirs, ours, folder)
        experiments.client().log_artifacts(tracking.parent_run(key), str(folder), "report")
        if shifted := feature_comparison.shifted_sentence(found):
            facts["shifted_features"] = shifted
            print(f"note: features made from transactions: {shifted}")
        frame = made
    data.write_parquet(frame, features.path)
    features.metadata |= {**rows.metadata, **facts}
    print(f"{len(frame)} rows, {len(frame.columns)} columns")
