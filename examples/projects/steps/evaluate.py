"""Third step: the tree of the second on data that it has not seen."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np

import trackstream


def main(data: str, model: str) -> None:
    rows = np.loadtxt(data, delimiter=",")
    # Our own run made it, a moment ago; a pickle of strangers would execute what they like.
    tree = pickle.loads(Path(model).read_bytes())
    with trackstream.start_run():
        accuracy = tree.score(rows[:, :-1], rows[:, -1])
        trackstream.log_metric("accuracy", accuracy)
        print(f"accuracy: {accuracy:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
