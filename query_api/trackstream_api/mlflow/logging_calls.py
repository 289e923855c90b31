"""What trainers call all the time: metrics, params, tags and inputs of a run.

Nothing here waits for a projection where it need not: that a run is active is known (see `known`), points and
tags go to the log as they come, and only what may not change (params) is compared with what the log holds.
The handlers of single metrics and batches stay on the event loop: the append is the producer's thread's. They
take the request as it is: see `fixed_paths`.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from trackstream_api.mlflow import rules
from trackstream_api.mlflow.batch_body import Batch, KeyValue, usual_batch
from trackstream_api.mlflow.current import CurrentRun, Desk, DeskOf, active_run, append
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import (
    FromBody,
    Message,
    Repeated,
    Required,
    RunIdMessage,
    empty_reply,
    parse,
)
from trackstream_api.mlflow.metric_events import MetricMessage, PointLike, metric_events
from trackstream_schemas import events as e
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

router = APIRouter(prefix="/2.0/mlflow/runs")


class LogMetricMessage(RunIdMessage, MetricMessage):
    """One point."""


class KeyValueMessage(Message):
    key: Required
    value: str | None = None


class LogBatchMessage(RunIdMessage):
    metrics: Repeated[MetricMessage]
    params: Repeated[KeyValueMessage]
    tags: Repeated[KeyValueMessage]


class LogParamMessage(RunIdMessage, KeyValueMessage):
    """One param."""


class SetTagMessage(RunIdMessage, KeyValueMessage):
    """One tag."""


class DeleteTagMessage(RunIdMessage):
    key: Required


async def _require_active(desk: Desk, run_id: str) -> None:
    if desk.runs.peek(run_id) is None:
        await run_in_threadpool(desk.runs.get, run_id)


@router.post("/log-metric")
async def log_metric(request: Request) -> Response:
    """One point of a metric."""
    desk: Desk = request.app.state.mlflow_desk
    message = parse(LogMetricMessage, await request.body())
    await _require_active(desk, message.run_id)
    await append(desk.store, metric_events(message.run_id, [message], single=True))
    return empty_reply()


@router.post("/log-batch")
async def log_batch(request: Request) -> Response:
    """Points, params and tags: all or none."""
    desk: Desk = request.app.state.mlflow_desk
    body = await request.body()
    message: Batch | LogBatchMessage = usual_batch(body) or parse(LogBatchMessage, body)
    run_id = rules.run_id(message.run_id)
    metrics: Sequence[PointLike] = message.metrics
    params: Sequence[KeyValue | KeyValueMessage] = message.params
    tags: Sequence[KeyValue | KeyValueMessage] = message.tags
    events = metric_events(run_id, metrics) if metrics else []
    wanted = [
        (rules.entity_name(item.key, f"params[{index}].key", "Param key"), item.value or "")
        for index, item in enumerate(params)
    ]
    labels = {
        rules.entity_name(item.key, f"tags[{index}].key", "key"): rules.tag_value(item.value or "", item.key)
        for index, item in enumerate(tags)
    }
    rules.batch_size("metrics", rules.MAX_METRICS, len(metrics))
    rules.batch_size("params", rules.MAX_PARAMS, len(params))
    rules.batch_size("tags", rules.MAX_TAGS, len(tags))
    rules.batch_size("metrics, params, and tags", rules.MAX_ENTITIES, len(metrics) + len(params) + len(tags))
    if wanted:
        _refuse_twice([key for key, _ in wanted])
        values = {key: rules.param_value(value, key) for key, value in wanted}
        run = await run_in_threadpool(active_run, desk.store, run_id)
        desk.runs.add(run_id, True)
        new = _new_params(run, values)
        events += [e.ParamsLogged(run_id, new)] if new else []
    else:
        await _require_active(desk, run_id)
    if labels:
        events.append(e.TagsSet(run_id, labels))
    if events:
        await append(desk.store, events)
    return empty_reply()


def _refuse_twice(keys: list[str]) -> None:
    doubled = [key for index, key in enumerate(keys) if key in keys[:index]]
    if doubled:
        raise InvalidParameter(
            "params",
            f"Duplicate parameter keys have been submitted: {doubled}. Please ensure the request contains"
            " only one param value per param key.",
        )


def _new_params(run: CurrentRun, params: dict[str, str]) -> dict[str, str]:
    """Return those params that the run does not have yet. Raises InvalidParameter for a changed one."""
    changed = [
        {"key": key, "old_value": run.params[key], "new_value": value}
        for key, value in params.items()
        if run.params.get(key, value) != value
    ]
    if changed:
        raise InvalidParameter(
            "params",
            f"Changing param values is not allowed. Params were already logged='{changed}' for run"
            f" ID='{run.facts.run_id}'.",
        )
    return {key: value for key, value in params.items() if key not in run.params}


@router.post("/log-parameter")
def log_param(desk: DeskOf, request: Annotated[LogParamMessage, FromBody(LogParamMessage)]) -> Response:
    """One param, whose value cannot change."""
    key = rules.entity_name(request.key, "key", "Param key")
    value = rules.param_value(request.value or "", key)
    run = active_run(desk.store, request.run_id)
    desk.runs.add(request.run_id, True)
    kept = run.params.get(key)
    if kept is not None and kept != value:
        raise InvalidParameter(
            "value",
            f"Changing param values is not allowed. Param with key='{key}' was already logged with"
            f" value='{kept}' for run ID='{request.run_id}'. Attempted logging new value '{value}'.",
        )
    if kept is None:
        desk.store.producer.emit_and_wait([e.ParamsLogged(request.run_id, {key: value})])
    return empty_reply()


@router.post("/set-tag")
async def set_tag(request: Request) -> Response:
    """One tag; `mlflow.runName` renames the run."""
    desk: Desk = request.app.state.mlflow_desk
    message = parse(SetTagMessage, await request.body())
    key = rules.entity_name(message.key, "key", "key")
    value = rules.tag_value(message.value or "", key)
    await _require_active(desk, message.run_id)
    await append(desk.store, [e.TagsSet(message.run_id, {key: value})])
    return empty_reply()


@router.post("/delete-tag")
def delete_tag(desk: DeskOf, request: Annotated[DeleteTagMessage, FromBody(DeleteTagMessage)]) -> Response:
    """One tag, which must be there."""
    run = active_run(desk.store, request.run_id)
    if request.key not in run.tags:
        raise NotFound(f"No tag with name: {request.key} in run with id {request.run_id}")
    desk.store.producer.emit_and_wait([e.TagsDeleted(request.run_id, [request.key])])
    return empty_reply()
