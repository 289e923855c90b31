"""First pages by one metric, whose values were replaced again and again, against the whole statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trackstream_api.models.runs import SearchRuns
from trackstream_api.queries.search import search_runs
from trackstream_api.search import RunSearch, page, search_runs_statement
from trackstream_consumers.engine import Engine
from trackstream_consumers.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

RUNS = 150
_ROUNDS = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 50.0, 100.0]), min_size=5, max_size=5), max_size=4
)


@pytest.fixture(scope="module")
def empty(engine_dir: Path) -> Iterator[Engine]:
    engine = Engine(engine_dir)
    migrate(engine)
    with engine.client() as client:
        client.command("SYSTEM STOP MERGES latest_metrics")
        client.command(
            "INSERT INTO runs (run_id, experiment_id, status, lifecycle_stage, start_time, version)"
            " SELECT concat('r', toString(1000 + number)), toString(number % 2), 'FINISHED', 'active',"
            f" intDiv(number, 3), 1 FROM numbers({RUNS})"
        )
    yield engine
    engine.close()


def log(engine: Engine, rank: int, values: Sequence[float]) -> None:
    """Give every run a value, as one insert, which is one part; some runs get none at first."""
    with engine.client() as client:
        client.command(
            "INSERT INTO latest_metrics (key, run_id, value, step, timestamp, rank) SELECT 'q',"
            " concat('r', toString(1000 + number)), [" + ", ".join(map(str, values)) + "][1 + number % 5]"
            f" + intDiv(number, 2), {rank}, 0, {rank} FROM numbers({RUNS}) WHERE {rank} > 1 OR number % 7"
        )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(  # Most of the best values there were no longer stand, and the best that do are none of them.
    rounds=[[0.0, 0.0, 50.0, 50.0, 50.0], [100.0, 100.0, 50.0, 50.0, 50.0]],
    descending=False,
    limit=1,
    experiments=None,
)
@given(
    rounds=_ROUNDS,
    descending=st.booleans(),
    limit=st.sampled_from([1, 2, 5, 20, 60, 149]),
    experiments=st.sampled_from([None, ("0",), ("0", "1")]),
)
def test_it_is_what_the_whole_statement_finds(
    empty: Engine, rounds: list[list[float]], descending: bool, limit: int, experiments: Any
) -> None:
    with empty.client() as client:
        client.command("TRUNCATE TABLE latest_metrics")
    for rank, values in enumerate(rounds, 1):
        log(empty, rank, values)
    order = (f"metrics.q {'DESC' if descending else 'ASC'}",)
    request = SearchRuns(
        experiment_ids=None if experiments is None else list(experiments), order_by=list(order), limit=limit
    )
    statement = search_runs_statement(RunSearch(experiment_ids=experiments, order_by=order, limit=limit))
    with empty.client() as client:
        rows = client.query(statement.sql, parameters=statement.parameters).result_rows
    found = search_runs(empty, request)
    whole = page(statement, rows)
    assert [run.run_id for run in found.runs] == whole.ids
    assert found.next_page_token == whole.next_page_token
