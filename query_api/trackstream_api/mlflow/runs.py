"""Runs on MLflow's face: their lives and searches. What is logged to them: see `logging_calls`."""

import re
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from trackstream.run_names import random_run_name
from trackstream_api.barrier import reading
from trackstream_api.mlflow import rules
from trackstream_api.mlflow.current import Desk, DeskOf, active_run, append, current_run, location_of
from trackstream_api.mlflow.entities import RunFacts, run_info
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.experiments import TagMessage
from trackstream_api.mlflow.messages import (
    FromBody,
    FromQuery,
    Int64,
    Message,
    Repeated,
    RunIdMessage,
    empty_reply,
    entries,
    parse,
    present,
    reply,
)
from trackstream_api.mlflow.run_reading import RUN_READ_TOPICS, read_run, run_messages
from trackstream_api.mlflow.views import Status, ViewType
from trackstream_api.models.runs import SearchRuns
from trackstream_api.queries.search import search_runs
from trackstream_consumers.folds.run import RUN_NAME_TAG
from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID, new_id

router = APIRouter(prefix="/2.0/mlflow/runs")

_QUOTED_WHOLE = re.compile(r"^\s*`(\w+)\.([^`]+)`")


class CreateRunMessage(Message):
    experiment_id: str | None = None
    user_id: str | None = None
    run_name: str | None = None
    start_time: Int64 | None = None
    tags: Repeated[TagMessage]


class UpdateRunMessage(RunIdMessage):
    status: Status | None = None
    end_time: Int64 | None = None
    run_name: str | None = None


class SearchRunsMessage(Message):
    experiment_ids: Repeated[str]
    filter: str | None = None
    run_view_type: ViewType | None = None
    max_results: Int64 | None = None
    order_by: Repeated[str]
    page_token: str | None = None


@router.post("/create")
async def create(request: Request) -> Response:
    """The id is made here; the experiment must be active."""
    desk: Desk = request.app.state.mlflow_desk
    message = parse(CreateRunMessage, await request.body())
    experiment_id = message.experiment_id or DEFAULT_EXPERIMENT_ID
    experiment = desk.experiments.peek(experiment_id)
    if experiment is None:
        experiment = await run_in_threadpool(desk.experiments.get, experiment_id)
    tags = {
        rules.entity_name(tag.key, f"tags[{index}].key", "key"): rules.tag_value(tag.value, tag.key)
        for index, tag in enumerate(message.tags)
    }
    name = _name(message.run_name or "", tags.get(RUN_NAME_TAG, ""))
    tags[RUN_NAME_TAG] = name
    start_time = validate.timestamp(message.start_time or 0, "start_time")
    user_id = validate.text(message.user_id or "", "user_id", validate.MAX_TAG_VALUE)
    run_id = new_id()
    await append(desk.store, [e.RunStarted(run_id, experiment_id, name, start_time, user_id, tags)])
    desk.runs.add(run_id, True)
    location = experiment.artifact_location
    facts = RunFacts(run_id, experiment_id, name, user_id, "RUNNING", start_time, None, "active", location)
    return reply({"run": {"info": run_info(facts), "data": {"tags": entries(tags)}, "inputs": {}}})


def _name(argument: str, tag: str) -> str:
    if argument and tag and argument != tag:
        raise InvalidParameter(
            "run_name",
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values"
            f" (run_name='{argument}', mlflow.runName='{tag}').",
        )
    given = argument or tag
    return validate.text(given, "run_name", validate.MAX_TAG_VALUE) if given else random_run_name()


@router.get("/get")
def get(desk: DeskOf, request: Annotated[RunIdMessage, FromQuery(RunIdMessage)]) -> Response:
    """Active or deleted, with the latest value of each metric."""
    with reading(desk.store, RUN_READ_TOPICS):
        message = read_run(desk, request.run_id)
    if message["info"]["lifecycle_stage"] == "active":
        desk.runs.add(request.run_id, True)
    return reply({"run": message})


@router.post("/update")
def update(desk: DeskOf, request: Annotated[UpdateRunMessage, FromBody(UpdateRunMessage)]) -> Response:
    """Status, end and name; what is absent stays."""
    facts = active_run(desk.store, request.run_id).facts
    end_time = request.end_time
    if end_time is not None:
        validate.timestamp(end_time, "end_time")
    name = validate.text(request.run_name or "", "run_name", validate.MAX_TAG_VALUE) or None
    if end_time is None and request.status is not None and request.status not in e.TERMINAL_STATUSES:
        # A run that goes on again keeps the end it had, as with MLflow; the fold alone would drop it.
        end_time = facts.end_time
    if request.status is not None or end_time is not None or name is not None:
        desk.store.producer.emit_and_wait([e.RunUpdated(request.run_id, request.status, end_time, name)])
    after = facts._replace(
        status=request.status or facts.status,
        end_time=facts.end_time if end_time is None else end_time,
        name=name or facts.name,
        artifact_location=location_of(desk, facts.experiment_id),
    )
    return reply({"run_info": run_info(after)})


@router.post("/delete")
def delete(desk: DeskOf, request: Annotated[RunIdMessage, FromBody(RunIdMessage)]) -> Response:
    """It can be restored until garbage collection purges it; once deleted it stays so."""
    with desk.store.deciding():
        if current_run(desk.store, request.run_id).is_active:
            desk.store.producer.emit_and_wait([e.RunDeleted(request.run_id)])
    desk.runs.forget(request.run_id)
    return empty_reply()


@router.post("/restore")
def restore(desk: DeskOf, request: Annotated[RunIdMessage, FromBody(RunIdMessage)]) -> Response:
    """Undo a deletion; an active run stays active."""
    with desk.store.deciding():
        if not current_run(desk.store, request.run_id).is_active:
            desk.store.producer.emit_and_wait([e.RunRestored(request.run_id)])
    return empty_reply()


@router.post("/search")
def search(desk: DeskOf, request: Annotated[SearchRunsMessage, FromBody(SearchRunsMessage)]) -> Response:
    """One page. Values that a run does not have sort last, either way."""
    limit = 1000 if request.max_results is None else rules.results(request.max_results)
    wanted = SearchRuns.model_construct(
        experiment_ids=list(request.experiment_ids),
        experiment_names=None,
        filter=request.filter or "",
        # MLflow takes back-ticks around the whole of an order's key, too.
        order_by=[_QUOTED_WHOLE.sub(r"\1.`\2`", term) for term in request.order_by],
        view=request.run_view_type or "active",
        limit=limit,
        page_token=request.page_token or None,
    )
    if not wanted.experiment_ids:
        return empty_reply()
    with reading(desk.store, RUN_READ_TOPICS):
        page = search_runs(desk.store.engine, wanted)
        found = run_messages(desk, page.runs)
    return reply(present(runs=found, next_page_token=page.next_page_token))
