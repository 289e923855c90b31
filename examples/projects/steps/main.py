"""Three steps, each a launch and a run of its own, with this run above them.

A step hands its files on as artifacts: `runs:/…` given for a parameter of type `path` is downloaded before
the next step begins. The first two are not done again where an earlier launch has done the same: at the same
commit, with the same values.
"""

from __future__ import annotations

import sys

import trackstream
from trackstream import projects


def main(depth: str, seed: str) -> None:
    with trackstream.start_run():
        etl = projects.run(".", "etl", parameters={"seed": seed}, run_name="etl", reuse=True)
        data = f"runs:/{etl.run_id}/data"
        given = {"data": f"{data}/train.csv", "depth": depth}
        train = projects.run(".", "train", parameters=given, run_name="train", reuse=True)
        model = f"runs:/{train.run_id}/model/tree.pickle"
        evaluate = projects.run(
            ".", "evaluate", parameters={"data": f"{data}/test.csv", "model": model}, run_name="evaluate"
        )
        for step, launched in (("etl", etl), ("train", train), ("evaluate", evaluate)):
            trackstream.set_tag(f"step.{step}", launched.run_id)
            print(f"{step}: run {launched.run_id}{' (reused)' if launched.reused else ''}")


if __name__ == "__main__":
    main(*sys.argv[1:])
