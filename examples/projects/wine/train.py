"""A forest that tells three kinds of wine apart.

It logs through MLflow's client, which need not know of Trackstream: `trackstream run` tells it by MLflow's
own variables where to log and into which run.
"""

from __future__ import annotations

import argparse

import mlflow
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--trees", type=int, required=True)
    parser.add_argument("--test-share", type=float, required=True)
    given = parser.parse_args()

    data = load_wine(as_frame=False)
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, data.target, test_size=given.test_share, random_state=0, stratify=data.target
    )
    with mlflow.start_run() as run:
        mlflow.log_params({"depth": given.depth, "trees": given.trees, "test_share": given.test_share})
        for trees in range(10, given.trees + 1, 10):
            forest = RandomForestClassifier(trees, max_depth=given.depth, random_state=0)
            forest.fit(train_x, train_y)
            said = forest.predict_proba(test_x)
            metrics = {
                "accuracy": float(accuracy_score(test_y, said.argmax(axis=1))),
                "log_loss": float(log_loss(test_y, said)),
            }
            mlflow.log_metrics(metrics, step=trees)
            print(f"{trees:4d} trees: accuracy {metrics['accuracy']:.3f}")
        print(f"logged as run {run.info.run_id}")


if __name__ == "__main__":
    main()
