"""Logged models by id and by search, with their metrics."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from trackstream_api.models.logged_models import LoggedModel, LoggedModelMetric, LoggedModelPage
from trackstream_api.queries.execution import select
from trackstream_api.search.compile_logged_models import LoggedModelSearch, search_logged_models_statement
from trackstream_api.search.page_token import page
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

_NAMES = (
    "model_id", "experiment_id", "name", "source_run_id", "model_type", "status", "lifecycle_stage",
    "created_at", "updated_at", "params", "tags", "conflicts",
)  # fmt: skip
_MODELS = f"""
    SELECT {", ".join(_NAMES)} FROM logged_models FINAL
    WHERE model_id IN {{ids:Array(String)}} AND created_at > 0
"""
# A point that was logged twice with the same content is one measurement, as with MLflow.
_METRICS = """
    SELECT DISTINCT model_id, key, value, step, timestamp, run_id, dataset_name, dataset_digest
    FROM logged_model_metrics FINAL
    WHERE model_id IN {ids:Array(String)}
        AND run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
    ORDER BY model_id, key, timestamp, step, run_id, dataset_name, dataset_digest, value
"""


def by_ids(engine: Engine, model_ids: Sequence[str]) -> list[LoggedModel]:
    """Return the models with these ids in the order of the ids; ids that are not there are left out."""
    if not model_ids:
        return []
    ids = {"ids": list(model_ids)}
    rows = {row[0]: row for row in select(engine, _MODELS, ids)}
    metrics: defaultdict[str, list[LoggedModelMetric]] = defaultdict(list)
    for model_id, key, value, step, timestamp, run_id, dataset, digest in select(engine, _METRICS, ids):
        metrics[model_id].append(
            LoggedModelMetric(
                key=key,
                value=value,
                step=step,
                timestamp=timestamp,
                run_id=run_id,
                dataset_name=dataset or None,
                dataset_digest=digest or None,
            )
        )
    return [_model(rows[one], metrics.get(one, [])) for one in model_ids if one in rows]


def get(engine: Engine, model_id: str) -> LoggedModel:
    """Return one model, active or deleted. Raises NotFound."""
    found = by_ids(engine, [model_id])
    if not found:
        raise NotFound(f"Logged model with ID '{model_id}' not found.")
    return found[0]


def search(engine: Engine, request: LoggedModelSearch) -> LoggedModelPage:
    """Return a page of active models."""
    statement = search_logged_models_statement(request)
    found = page(statement, select(engine, statement.sql, statement.parameters))
    return LoggedModelPage.model_construct(
        logged_models=by_ids(engine, found.ids), next_page_token=found.next_page_token
    )


def _model(row: Sequence[Any], metrics: list[LoggedModelMetric]) -> LoggedModel:
    values = dict(zip(_NAMES, row, strict=True))
    values["conflicts"] = [json.loads(conflict) for conflict in values["conflicts"]]
    return LoggedModel.model_construct(**values, metrics=metrics)
