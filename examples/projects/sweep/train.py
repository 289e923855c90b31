"""A support vector machine that reads digits, judged by cross-validation: one step for each fold.

    trackstream sweep examples/projects/sweep -P c=log:0.1:100 -P kernel=choice:rbf,poly --metric accuracy \
        --maximize --trials 12 --parallel 2 --experiment-name digits

The values that `trackstream sweep` tries come as any other parameters; what it looks at is `accuracy`.
"""

from __future__ import annotations

import argparse

import mlflow
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--c", type=float, required=True)
    parser.add_argument("--gamma", type=float, required=True)
    parser.add_argument("--folds", type=int, required=True)
    given = parser.parse_args()

    digits = load_digits()
    # Every third one is enough to tell good values from bad ones.
    images, labels = digits.data[::3], digits.target[::3]
    folds = StratifiedKFold(given.folds, shuffle=True, random_state=0)
    with mlflow.start_run():
        mlflow.log_params(vars(given))
        scores = []
        for fold, (training, rest) in enumerate(folds.split(images, labels)):
            model = SVC(kernel=given.kernel, C=given.c, gamma=given.gamma)
            model.fit(images[training], labels[training])
            scores.append(float(model.score(images[rest], labels[rest])))
            mlflow.log_metric("fold_accuracy", scores[-1], step=fold)
        mlflow.log_metrics({"accuracy": float(np.mean(scores)), "accuracy_std": float(np.std(scores))})
        print(f"accuracy {np.mean(scores):.3f} ± {np.std(scores):.3f} over {given.folds} folds")


if __name__ == "__main__":
    main()
