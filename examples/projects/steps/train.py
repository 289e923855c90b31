"""Second step: a decision tree on the data of the first."""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.tree import DecisionTreeClassifier

import trackstream


def main(data: str, depth: int) -> None:
    rows = np.loadtxt(data, delimiter=",")
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(rows[:, :-1], rows[:, -1])
    with trackstream.start_run():
        accuracy = tree.score(rows[:, :-1], rows[:, -1])
        trackstream.log_metrics({"train_accuracy": accuracy, "leaves": tree.get_n_leaves()})
        with tempfile.TemporaryDirectory() as place:
            path = Path(place, "tree.pickle")
            path.write_bytes(pickle.dumps(tree))
            trackstream.log_artifact(path, "model")
        print(f"accuracy on the training data: {accuracy:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
