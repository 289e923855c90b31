"""A trainer that keeps logging: `python -m tests.integration.busy_trainer DIR NAME STOP_FILE`.

It logs runs with params, tags, metrics and small artifacts until the stop file appears, then prints
what it logged as one JSON object: {run_id: {"params", "tags", "artifacts", "points", "checksum"}}.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import trackstream


def main(directory: str, name: str, stop_file: str) -> None:
    trackstream.set_tracking_uri(directory)
    trackstream.set_experiment("kill test")
    logged: dict[str, dict[str, object]] = {}
    number = 0
    while not Path(stop_file).exists():
        params = {"trainer": name, "number": str(number), "lr": str(0.1 / (number + 1))}
        tags = {"team": f"team {number % 3}"}
        texts = {"notes/a.txt": f"{name} {number}" * 50, "b.json": json.dumps(params)}
        points = 2000 + 100 * (number % 7)
        with trackstream.start_run(run_name=f"{name}-{number}") as run:
            trackstream.log_params(params)
            trackstream.set_tags(tags)
            for step in range(points):
                trackstream.log_metric("loss", step * 0.5 + number, step=step)
                trackstream.log_metric("accuracy", step, step=step)
                if step % 400 == 0:
                    time.sleep(0.01)
            for path, text in texts.items():
                trackstream.log_text(text, path)
        logged[run.info.run_id] = {
            "params": params,
            "tags": tags,
            "artifacts": texts,
            "points": 2 * points,
            "checksum": sum(step * 0.5 + number + step for step in range(points)),
        }
        number += 1
    trackstream.flush()
    print(json.dumps(logged))


if __name__ == "__main__":
    main(*sys.argv[1:])
