"""A run as it was at an earlier moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_api.as_of.entity import state_at
from trackstream_api.as_of.latest import latest_at
from trackstream_api.as_of.moment import NOW, cut_through
from trackstream_api.barrier import reading
from trackstream_api.queries import events, runs
from trackstream_consumers.folds.run import UNSTARTED
from trackstream_schemas import topics
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from trackstream_api.as_of.moment import Cut, Moment
    from trackstream_api.models.runs import LatestMetric
    from trackstream_api.store import Store
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.folds.run import RunState

READ = (topics.RUNS, topics.METRICS)


class PastRun(NamedTuple):
    """A run at a moment."""

    state: RunState
    metrics: dict[str, LatestMetric]
    version: str
    """Position of the run's last event that is in."""


def run_at(store: Store, run_id: str, moment: Moment = NOW, field: str = "at") -> PastRun:
    """Return a run as it was at `moment`; `field` is how the caller called it.

    Raises NotFound where there was none, and what `cut_through` raises.
    """
    cut = cut_through(moment, store, field)
    with reading(store, READ):
        return _run_at(store.engine, run_id, cut)


def _run_at(engine: Engine, run_id: str, cut: Cut | None) -> PastRun:
    state: RunState | None = state_at(topics.RUNS, events.records(engine, topics.RUNS, run_id), cut)
    if state is None or state.status == UNSTARTED or state.lifecycle_stage == "purged":
        raise NotFound(f"no run with id {run_id!r}{'' if cut is None else ' at that moment'}")
    metrics = runs.get(engine, run_id).metrics if cut is None else latest_at(engine, run_id, cut)
    return PastRun(state, metrics, f"{topics.RUNS}:{state.partition}:{state.version - 1}")
