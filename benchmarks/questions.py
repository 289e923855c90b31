"""The questions that a dashboard asks, through the API over one kept connection, each answer checked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.seeding import FILTER, experiment_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from benchmarks.seeding import SeededRuns

BUCKETS = 1000
PAGE = 100


def best(client: httpx.Client, seeded: SeededRuns) -> Callable[[], None]:
    """Return the question for the best run of all by val_loss."""
    body = {"metric": "val_loss", "mode": "min"}
    return partial(_ask_best, client, body, seeded.best)


def best_of_experiment(client: httpx.Client, seeded: SeededRuns) -> Callable[[], None]:
    """Return the question for the best run of one experiment, which has one run in twenty."""
    body = {"metric": "val_loss", "mode": "min", "experiment_names": [experiment_name(0)]}
    return partial(_ask_best, client, body, seeded.best_of_experiment)


def search(client: httpx.Client, seeded: SeededRuns) -> Callable[[], None]:
    """Return the search with a filter on two params, a metric and a tag: its first page."""
    return partial(_ask_runs, client, {"filter": FILTER, "limit": PAGE}, min(PAGE, seeded.matching))


def first_page(client: httpx.Client, seeded: SeededRuns) -> Callable[[], None]:
    """Return the question for the newest runs."""
    body = {"order_by": ["start_time DESC"], "limit": PAGE}
    return partial(_ask_runs, client, body, min(PAGE, seeded.count), seeded.last_run_id)


def chart(client: httpx.Client, run_ids: Sequence[str], key: str, points: int) -> Callable[[], None]:
    """Return the question for curves of a metric, of so many points in all."""
    body = {"run_ids": list(run_ids), "keys": [key], "buckets": BUCKETS, "x": "step"}
    return partial(_ask_series, client, body, points)


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = client.post(path, json=body)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
    return answer.json()


def _ask_best(client: httpx.Client, body: dict[str, Any], expected: float) -> None:
    found = _post(client, "/api/v1/runs/best", body)["runs"]
    assert [run["metrics"]["val_loss"]["value"] for run in found] == [expected], found


def _ask_runs(client: httpx.Client, body: dict[str, Any], count: int, first: str = "") -> None:
    found = _post(client, "/api/v1/runs/search", body)["runs"]
    assert len(found) == count, f"{len(found)} runs, not {count}"
    assert not first or found[0]["run_id"] == first, found[0]


def _ask_series(client: httpx.Client, body: dict[str, Any], points: int) -> None:
    series = _post(client, "/api/v1/metrics/series", body)["series"]
    assert len(series) == len(body["run_ids"]), f"{len(series)} curves"
    assert sum(bucket["count"] for one in series for bucket in one["buckets"]) == points, points
