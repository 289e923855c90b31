"""The example project of MLflow's documentation, on a table that scikit-learn makes.

The files are laid out as in `examples/sklearn_elasticnet_wine` of MLflow: an MLproject with `alpha` and
`l1_ratio`, an environment file and a `train.py` that knows of nothing but MLflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.datasets import make_regression

if TYPE_CHECKING:
    from pathlib import Path

MLPROJECT = """
name: tutorial

python_env: python_env.yaml

entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      l1_ratio: {type: float, default: 0.1}
    command: "python train.py {alpha} {l1_ratio}"
"""
PYTHON_ENV = """
python: "3.10"
build_dependencies:
  - pip
dependencies:
  - scikit-learn
  - mlflow>=1.0
  - pandas
"""
TRAIN = """
import os
import sys

import numpy as np
import pandas as pd
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split

import mlflow
import mlflow.sklearn

if __name__ == "__main__":
    np.random.seed(40)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wine-quality.csv")
    data = pd.read_csv(path)
    train, test = train_test_split(data)
    train_x, train_y = train.drop(["quality"], axis=1), train[["quality"]]
    test_x, test_y = test.drop(["quality"], axis=1), test[["quality"]]
    alpha = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    l1_ratio = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5

    with mlflow.start_run():
        lr = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, random_state=42)
        lr.fit(train_x, train_y)
        predicted = lr.predict(test_x)
        rmse = np.sqrt(mean_squared_error(test_y, predicted))
        print(f"Elasticnet model (alpha={alpha:f}, l1_ratio={l1_ratio:f}): RMSE {rmse}")
        mlflow.log_param("alpha", alpha)
        mlflow.log_param("l1_ratio", l1_ratio)
        mlflow.log_metric("rmse", rmse)
        mlflow.log_metric("r2", r2_score(test_y, predicted))
        mlflow.log_metric("mae", mean_absolute_error(test_y, predicted))
        mlflow.sklearn.log_model(lr, name="model")
"""
COLUMNS = (
    "fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide",
    "total sulfur dioxide", "density", "pH", "sulphates", "alcohol",
)  # fmt: skip


def write(directory: Path) -> Path:
    """Write the project into a directory, which is made, and return it."""
    directory.mkdir()
    (directory / "MLproject").write_text(MLPROJECT)
    (directory / "python_env.yaml").write_text(PYTHON_ENV)
    (directory / "train.py").write_text(TRAIN)
    features, quality = make_regression(400, len(COLUMNS), n_informative=6, noise=5.0, random_state=7)
    header = ",".join(f'"{name}"' for name in (*COLUMNS, "quality"))
    rows = np.column_stack([features, quality])
    np.savetxt(directory / "wine-quality.csv", rows, delimiter=",", header=header, comments="")
    return directory
