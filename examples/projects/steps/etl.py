"""First step: the data, cleaned and split, as artifacts."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import trackstream


def main(seed: int) -> None:
    data = load_breast_cancer()
    rows = np.column_stack([data.data, data.target])
    train, test = train_test_split(rows, test_size=0.3, random_state=seed, stratify=data.target)
    with trackstream.start_run(), tempfile.TemporaryDirectory() as place:
        for name, part in (("train", train), ("test", test)):
            path = Path(place, f"{name}.csv")
            np.savetxt(path, part, delimiter=",")
            trackstream.log_artifact(path, "data")
            trackstream.log_metric(f"{name}_rows", len(part))
            print(f"{name}: {len(part)} rows")


if __name__ == "__main__":
    main(int(sys.argv[1]))
