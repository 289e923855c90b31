"""`python -m benchmarks.mlflow_calls URL CASE COUNT`: the stock MLflow client, timed call by call.

Says "ready" when it has warmed up, begins at a line on its standard input, and prints one JSON line: the
seconds that each of COUNT calls took.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow import MlflowClient

BATCH_POINTS = 1000
WARM_UP = 3


def main() -> None:
    from mlflow import MlflowClient

    url, case, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    call = {"log_metric": _log_metric, "log_batch": _log_batch, "create_run": _create_run, "best": _best}[
        case
    ](MlflowClient(url))
    for number in range(WARM_UP):
        call(number)
    print("ready", flush=True)
    sys.stdin.readline()
    durations = []
    for number in range(WARM_UP, WARM_UP + count):
        begun = time.perf_counter()
        call(number)
        durations.append(time.perf_counter() - begun)
    print(json.dumps(durations))


def _log_metric(client: MlflowClient) -> Callable[[int], object]:
    run_id = client.create_run("0").info.run_id
    return lambda number: client.log_metric(run_id, "loss", 0.37 * number, step=number)


def _log_batch(client: MlflowClient) -> Callable[[int], object]:
    from mlflow.entities import Metric

    run_id = client.create_run("0").info.run_id

    def call(number: int) -> None:
        now, first = int(time.time() * 1000), number * BATCH_POINTS
        steps = range(first, first + BATCH_POINTS)
        client.log_batch(run_id, [Metric("loss", 0.37 * step, now, step) for step in steps])

    return call


def _create_run(client: MlflowClient) -> Callable[[int], object]:
    return lambda number: client.create_run("0", run_name=f"run-{number}")


def _best(client: MlflowClient) -> Callable[[int], object]:
    experiment = client.get_experiment_by_name("seeded")
    assert experiment is not None

    def call(_: int) -> None:
        found = client.search_runs(
            [experiment.experiment_id], order_by=["metrics.val_loss ASC"], max_results=1
        )
        assert found[0].data.metrics["val_loss"] == 0.0, found[0].data.metrics

    return call


if __name__ == "__main__":
    main()
