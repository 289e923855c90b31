"""What a filter and an order mean, over rows in memory: what the engine's answers are held against."""

from __future__ import annotations

import functools
import math
import operator
import re
from typing import TYPE_CHECKING, Any

from tests.query_api.search import small_store
from tests.query_api.search.small_store import RUNS, StoredRun
from trackstream_api.search.grammar import Comparison, parse_filter
from trackstream_api.search.order_by import OrderTerm, parse_order_by
from trackstream_api.search.vocabulary import RUNS as VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "IN": lambda left, right: left in right,
    "NOT IN": lambda left, right: left not in right,
    "LIKE": lambda left, right: _like(left, right, 0),
    "ILIKE": lambda left, right: _like(left, right, re.IGNORECASE),
}


def matching(text: str, view: str = "active", experiment_ids: Sequence[str] | None = None) -> list[StoredRun]:
    """Return the runs that a filter leaves, in the natural order: newest first, then by id."""
    comparisons = parse_filter(text, VOCABULARY)
    stages = {"active": {"active"}, "deleted": {"deleted"}, "all": {"active", "deleted"}}[view]
    runs = [
        run
        for run in RUNS
        if run.lifecycle_stage in stages
        and (_is_there(run, view) if experiment_ids is None else run.experiment_id in experiment_ids)
        and all(_holds(run, comparison) for comparison in comparisons)
    ]
    return sorted(runs, key=lambda run: (-run.start_time, run.run_id))


def _is_there(run: StoredRun, view: str) -> bool:
    """Without experiments, the active runs are those of active experiments."""
    gone = {experiment_id for experiment_id, _, stage, *_ in small_store.EXPERIMENTS if stage != "active"}
    return view != "active" or run.experiment_id not in gone


def ordered(runs: Sequence[StoredRun], order_by: Sequence[str]) -> list[str]:
    """Return the ids of runs in natural order, sorted by these terms."""
    result = list(runs)
    for term in reversed(parse_order_by(order_by, VOCABULARY)):
        result.sort(key=functools.partial(_sort_key, term=term))
    return [run.run_id for run in result]


class _Descending:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)


def _sort_key(run: StoredRun, term: OrderTerm) -> tuple[int, Any]:
    values = _values(run, term.entity, term.key)
    if not values or values[0] is None:
        return (2, 0)
    value = values[0]
    if isinstance(value, float) and math.isnan(value):
        return (1, 0)
    # Text sorts by its bytes, as in the engine.
    value = value.encode() if isinstance(value, str) else value
    return (0, value if term.ascending else _Descending(value))


def _holds(run: StoredRun, comparison: Comparison) -> bool:
    values = _values(run, comparison.identifier.entity, comparison.identifier.key)
    if comparison.operator == "IS NULL":
        return not values
    if comparison.operator == "IS NOT NULL":
        return bool(values)
    compare = _COMPARE[comparison.operator]
    return any(value is not None and compare(value, comparison.value) for value in values)


def _values(run: StoredRun, entity: str, key: str) -> list[Any]:
    if entity == "dataset":
        if key == "context":
            contexts = [found["tags"].get("mlflow.data.context") for found in run.inputs]
            return [context for context in contexts if context is not None]
        return [found[key] for found in run.inputs]
    if entity == "attribute":
        duration = None if run.end_time is None else run.end_time - run.start_time
        derived = {
            "run_name": run.name,
            "duration": duration,
            "artifact_uri": f"mlflow-artifacts:/{run.experiment_id}/{run.run_id}/artifacts",
        }
        return [derived[key] if key in derived else getattr(run, key)]
    held: Mapping[str, Any] = run.metrics if entity == "metric" else run.params
    held = run.tags if entity == "tag" else held
    return [held[key]] if key in held else []


def _like(text: str, pattern: str, flags: int) -> bool:
    parts = {"%": ".*", "_": "."}
    regex = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(regex, text, flags | re.DOTALL) is not None
