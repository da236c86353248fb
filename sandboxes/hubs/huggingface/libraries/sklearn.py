"""Tabular models: small scikit-learn estimators, fitted to made-up numbers and saved as the repository saves them."""

import json
import pickle
from pathlib import Path
from typing import Any

LIBRARY = "sklearn"

_ROWS = 60
_WINE = "winequality-red.csv"


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes the fitted estimator, its configuration and, for the wines, the table it was fitted to."""
    import joblib

    extra = entry["extra"]
    table = _table(extra)
    target = _target(extra, table)
    model = _estimator(entry, table).fit(table, target)
    for file in entry["files"]:
        if file.endswith((".joblib", ".pkl")) and extra.get("loader") != "skops":
            joblib.dump(model, folder / file)
        elif file.endswith(".pkl"):
            (folder / file).write_bytes(pickle.dumps(model, protocol=4))
        elif file == "config.json":
            (folder / file).write_text(json.dumps(_config(entry, table), indent=2) + "\n", encoding="utf-8")
        elif file == _WINE:
            table.assign(quality=target).to_csv(folder / file, sep=";", index=False)
        elif file.endswith(".h5"):
            _keras(folder / file, width=2)


def _table(extra: dict[str, Any]) -> Any:
    """A table with the columns that the repository's model was fitted to; ``feat_`` stands before AutoTrain's."""
    import numpy as np
    import pandas as pd

    if "n_features" in extra:
        columns = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    else:
        columns = extra.get("features") or [f"{_PREFIX * ('autotrain' in extra)}x{number}" for number in range(1, 5)]
    numbers = np.random.default_rng(0)
    table = pd.DataFrame(numbers.random((_ROWS, len(columns))).round(3), columns=columns)
    for name, values in _CATEGORIES.items():
        if name in table:
            table[name] = pd.Series(numbers.choice(values, _ROWS), dtype=object)
    return table


_PREFIX = "feat_"
_CATEGORIES = {"sex": ["Female", "Male"], "smoker": ["No", "Yes"], "day": ["Fri", "Sat"], "time": ["Dinner", "Lunch"]}


def _target(extra: dict[str, Any], table: Any) -> Any:
    import numpy as np

    score = table.select_dtypes("number").to_numpy().sum(axis=1)
    if extra.get("pipeline_tag") == "tabular-regression":
        return score.round(3)
    if "quality" in extra.get("target", "") or "alcohol" in table:
        return 3 + np.digitize(score, np.quantile(score, [0.2, 0.4, 0.6, 0.8]))
    if extra.get("n_features") == 64:
        return np.digitize(score, np.quantile(score, np.linspace(0.1, 0.9, 9)))
    return (score > np.median(score)).astype(int)


def _estimator(entry: dict[str, Any], table: Any) -> Any:
    from sklearn import ensemble, linear_model, neighbors, tree
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    regression = entry["extra"].get("pipeline_tag") == "tabular-regression"
    name = entry["extra"].get("estimator", "").rpartition(".")[2]
    if name == "Pipeline" or len(table.select_dtypes("number").columns) < len(table.columns):
        columns = make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include="number")),
            (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        )
        return make_pipeline(columns, linear_model.Ridge() if regression else linear_model.LogisticRegression())
    if name in {"RandomForestRegressor", "GradientBoostingRegressor"}:
        return getattr(ensemble, name)(n_estimators=5, max_depth=3, random_state=0)
    if name in {"FIGSClassifier", "XGBClassifier"}:
        # Of packages that are not installed; both are sums of trees.
        return tree.DecisionTreeClassifier(max_depth=3, random_state=0)
    if "knn" in entry["repo"]:
        return neighbors.KNeighborsClassifier()
    return linear_model.LinearRegression() if regression else linear_model.LogisticRegression()


def _config(entry: dict[str, Any], table: Any) -> dict[str, Any]:
    names = [str(name).removeprefix(_PREFIX) for name in table.columns]
    if entry["extra"].get("autotrain"):
        return {"features": names, "targets": ["target"], "version": "1.0"}
    example = {name: table[name].head(3).tolist() for name in table.columns}
    files = [file for file in entry["files"] if file.endswith((".joblib", ".pkl"))]
    return {
        "sklearn": {
            "columns": names,
            "environment": ["scikit-learn"],
            "example_input": example,
            "model": {"file": files[0]},
            "task": entry["extra"].get("pipeline_tag"),
        }
    }


def working(folder: Path) -> None:
    """Writes what AutoTrain's example programs read from the folder they run in, by the names that they use there."""
    extra = {"autotrain": True, "pipeline_tag": "tabular-classification"}
    entry = {"repo": "", "files": ["model.joblib", "config.json"], "extra": extra}
    write(entry, folder, None)
    table = _table(extra).head(10)
    table.columns = [name.removeprefix(_PREFIX) for name in table.columns]
    table.to_csv(folder / "data.csv", index=False)


def _keras(path: Path, width: int) -> None:
    """A network of one layer, where Keras is installed."""
    try:
        import keras
    except ImportError:
        return
    keras.utils.set_random_seed(0)
    keras.Sequential([keras.Input((width,)), keras.layers.Dense(1, activation="sigmoid")]).save(path)
