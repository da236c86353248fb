"""Files of a user's own that only this hub can write: AutoTrain's ``model.joblib``, and a data set."""

from pathlib import Path

from apigauge.sandboxes.hubs.huggingface import data_sets

# As many columns as the sandbox's own ``sample.json`` names features.
COLUMNS = 3
_ROWS = 60


def write(folder: Path) -> None:
    """Writes ``sample.joblib`` and ``sample.pkl``, a classifier of rows of three numbers, and ``sample.parquet``."""
    import joblib
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    table = np.random.default_rng(0).random((_ROWS, COLUMNS)).round(3)
    score = table.sum(axis=1)
    model = LogisticRegression().fit(table, (score > np.median(score)).astype(int))
    folder.mkdir()
    for name in ("sample.joblib", "sample.pkl"):
        joblib.dump(model, folder / name)
    data_sets.write_sample(folder / "sample.parquet")
