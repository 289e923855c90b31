"""Traces on MLflow's face, versions 2 and 3 of its API."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from trackstream_api.barrier import reading
from trackstream_api.mlflow import trace_requests
from trackstream_api.mlflow.artifact_places import trace_root
from trackstream_api.mlflow.current import Desk, DeskOf, append
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import (
    EntryMessage,
    FromBody,
    FromQuery,
    Int64,
    Message,
    Repeated,
    Required,
    empty_reply,
    present,
    reply,
)
from trackstream_api.mlflow.spans import span_messages
from trackstream_api.mlflow.trace_messages import (
    LocationMessage,
    TraceInfoMessage,
    trace_event,
    trace_info,
    trace_info_v2,
    v2_state,
)
from trackstream_api.mlflow.trace_requests import SPAN_TOPICS, TRACE_TOPICS, current_trace, texts
from trackstream_api.models.experiments import Experiment
from trackstream_api.models.traces import Trace, TracePage
from trackstream_api.queries import traces
from trackstream_api.queries.traces import search as search_traces
from trackstream_api.search.compile_traces import TraceSearch
from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.errors import NotFound

router = APIRouter()
_V2 = "/2.0/mlflow/traces"
_V3 = "/3.0/mlflow/traces"
_MOST_RESULTS = 500
_MOST_LINKS = 100
_BATCH = 1000


class TraceMessage(Message):
    trace_info: TraceInfoMessage


class StartMessage(Message):
    trace: TraceMessage


class StartV2Message(Message):
    experiment_id: Required
    timestamp_ms: Int64 = 0
    request_metadata: Repeated[EntryMessage]
    tags: Repeated[EntryMessage]


class EndV2Message(Message):
    timestamp_ms: Int64 = 0
    status: str | int | None = None
    request_metadata: Repeated[EntryMessage]
    tags: Repeated[EntryMessage]


class GetMessage(Message):
    trace_id: Required
    allow_partial: bool = False


class BatchMessage(Message):
    trace_ids: Repeated[str]
    experiment_ids: list[str] | None = None


class SearchMessage(Message):
    locations: Repeated[LocationMessage]
    filter: str | None = None
    max_results: Int64 | None = None
    order_by: Repeated[str]
    page_token: str | None = None


class SearchV2Message(Message):
    experiment_ids: Repeated[str]
    filter: str | None = None
    max_results: Int64 | None = None
    order_by: Repeated[str]
    page_token: str | None = None


class DeleteMessage(Message):
    experiment_id: Required
    max_timestamp_millis: Int64 | None = None
    max_traces: Int64 | None = None
    request_ids: Repeated[str]


class TagKeyMessage(Message):
    key: Required


class LinkRunMessage(Message):
    trace_ids: Repeated[str]
    run_id: Required


class PromptMessage(Message):
    name: Required
    version: str | int


class LinkPromptsMessage(Message):
    trace_id: Required
    prompt_versions: Repeated[PromptMessage]


@router.post(_V3)
async def start(desk: DeskOf, request: Annotated[StartMessage, FromBody(StartMessage)]) -> Response:
    """Log a trace, which has usually ended. The answer is the trace as given, with where its spans go."""
    info = request.trace.trace_info
    home = await _home(desk, info.experiment_id)
    location = trace_root(home.experiment_id, info.trace_id, home.artifact_location)
    event = trace_event(info, {trace_requests.ARTIFACT_LOCATION: location})
    await append(desk.store, [event])
    return reply({"trace": {"trace_info": trace_info(_as_logged(event))}})


async def _home(desk: Desk, experiment_id: str) -> Experiment:
    found = desk.experiments.peek(experiment_id)
    if found is None:
        found = await run_in_threadpool(desk.experiments.get, experiment_id)
    return found


def _as_logged(event: e.TraceLogged) -> Trace:
    """Return the trace that the event makes where it is the first about it."""
    overridden = {item.overrides for item in event.assessments}
    fields = {name: getattr(event, name) for name in e.TraceLogged.__slots__ if name != "assessments"}
    assessments = [
        traces.assessment_entry(item, item.assessment_id not in overridden) for item in event.assessments
    ]
    return Trace.model_construct(**fields, assessments=assessments, run_ids=[], prompts=[])


@router.get(_V3 + "/get")
def get_trace(desk: DeskOf, request: Annotated[GetMessage, FromQuery(GetMessage)]) -> Response:
    """A trace with its spans; without those that are still on their way only on demand."""
    with reading(desk.store, SPAN_TOPICS):
        trace = traces.get(desk.store.engine, request.trace_id)
        content = trace_requests.spans_content(desk.store, request.trace_id)
    if content is None and not request.allow_partial:
        raise NotFound(f"Trace with ID {request.trace_id} is not fully exported yet, please try again later.")
    return reply({"trace": _with_spans(trace, content)})


@router.get(_V3 + "/batchGet")
def batch_get(desk: DeskOf, request: Annotated[BatchMessage, FromQuery(BatchMessage)]) -> Response:
    """Traces with their spans, in the order asked for; those without any yet are left out."""
    with reading(desk.store, SPAN_TOPICS):
        found = [
            (trace, trace_requests.spans_content(desk.store, trace.trace_id))
            for trace in _batch(desk, request)
        ]
    messages = [_with_spans(trace, content) for trace, content in found if content is not None]
    return reply(present(traces=messages))


@router.post(_V3 + "/batchGetInfos")
def batch_get_infos(desk: DeskOf, request: Annotated[BatchMessage, FromBody(BatchMessage)]) -> Response:
    """Traces without their spans, in the order asked for; ids that are not there are left out."""
    with reading(desk.store, TRACE_TOPICS):
        found = _batch(desk, request)
    return reply(present(trace_infos=[trace_info(trace) for trace in found]))


def _batch(desk: Desk, request: BatchMessage) -> list[Trace]:
    if not request.trace_ids:
        raise InvalidParameter("trace_ids", "Missing value for required parameter 'trace_ids'.")
    if len(request.trace_ids) > _BATCH:
        raise InvalidParameter("trace_ids", f"At most {_BATCH} traces at once, got {len(request.trace_ids)}.")
    found = traces.by_ids(desk.store.engine, list(dict.fromkeys(request.trace_ids)))
    wanted = request.experiment_ids
    return [trace for trace in found if wanted is None or trace.experiment_id in wanted]


def _with_spans(trace: Trace, content: bytes | None) -> dict[str, object]:
    spans = span_messages(content) if content is not None else []
    return present(trace_info=trace_info(trace), spans=spans)


@router.post(_V3 + "/search")
def search(desk: DeskOf, request: Annotated[SearchMessage, FromBody(SearchMessage)]) -> Response:
    """One page of traces without their spans."""
    if not request.locations:
        raise InvalidParameter("locations", "Missing value for required parameter 'locations'.")
    ids = [
        location.mlflow_experiment.experiment_id
        for location in request.locations
        if location.mlflow_experiment is not None and location.mlflow_experiment.experiment_id
    ]
    page = _searched(desk, ids, request)
    infos = [trace_info(trace) for trace in page.traces]
    return reply(present(traces=infos, next_page_token=page.next_page_token))


@router.get(_V2)
def search_v2(desk: DeskOf, request: Annotated[SearchV2Message, FromQuery(SearchV2Message)]) -> Response:
    """One page of traces; of old clients."""
    if not request.experiment_ids:
        raise InvalidParameter("experiment_ids", "Missing value for required parameter 'experiment_ids'.")
    page = _searched(desk, request.experiment_ids, request)
    infos = [trace_info_v2(trace) for trace in page.traces]
    return reply(present(traces=infos, next_page_token=page.next_page_token))


def _searched(desk: Desk, experiment_ids: list[str], request: SearchMessage | SearchV2Message) -> TracePage:
    limit = 100 if request.max_results is None else request.max_results
    if not 1 <= limit <= _MOST_RESULTS:
        raise InvalidParameter(
            "max_results",
            f"Invalid value {limit} for parameter 'max_results' supplied."
            f" It must be a positive integer, at most {_MOST_RESULTS}.",
        )
    wanted = TraceSearch(
        tuple(dict.fromkeys(experiment_ids)),
        request.filter or "",
        tuple(request.order_by),
        limit,
        request.page_token or None,
    )
    with reading(desk.store, TRACE_TOPICS):
        return search_traces(desk.store.engine, wanted)


@router.post(_V2 + "/delete-traces")
@router.post(_V3 + "/delete-traces")
def delete_traces(desk: DeskOf, request: Annotated[DeleteMessage, FromBody(DeleteMessage)]) -> Response:
    """By ids, or the oldest up to a time; their files go as well, and none of it comes back."""
    until, limit, ids = request.max_timestamp_millis, request.max_traces, request.request_ids
    if until is None and not ids:
        raise InvalidParameter(
            "request_ids", "Either `max_timestamp_millis` or `trace_ids` must be specified."
        )
    if until is not None and ids:
        raise InvalidParameter(
            "request_ids", "Only one of `max_timestamp_millis` and `trace_ids` can be specified."
        )
    if ids and limit is not None:
        raise InvalidParameter("max_traces", "`max_traces` can't be specified if `trace_ids` is specified.")
    if limit is not None and limit <= 0:
        raise InvalidParameter("max_traces", f"`max_traces` must be a positive integer, received {limit}.")
    deleted = trace_requests.delete(desk.store, request.experiment_id, ids or None, until, limit)
    return reply({"traces_deleted": deleted})


@router.get(_V3 + "/{trace_id}")
def get_info(desk: DeskOf, trace_id: str) -> Response:
    """A trace without its spans."""
    return reply({"trace": {"trace_info": trace_info(current_trace(desk.store, trace_id))}})


@router.patch(_V2 + "/{trace_id}/tags")
@router.patch(_V3 + "/{trace_id}/tags")
def set_tag(
    desk: DeskOf, trace_id: str, request: Annotated[EntryMessage, FromBody(EntryMessage)]
) -> Response:
    """Other tags stay as they are."""
    key, value = trace_requests.checked_tag(request.key, request.value)
    current_trace(desk.store, trace_id)
    desk.store.producer.emit_and_wait([e.TraceTagsSet(trace_id, {key: value})])
    return empty_reply()


@router.delete(_V2 + "/{trace_id}/tags")
@router.delete(_V3 + "/{trace_id}/tags")
def delete_tag(
    desk: DeskOf, trace_id: str, request: Annotated[TagKeyMessage, FromBody(TagKeyMessage)]
) -> Response:
    """A tag that is not there is RESOURCE_DOES_NOT_EXIST."""
    trace_requests.require_deletable(request.key)
    if request.key not in current_trace(desk.store, trace_id).tags:
        raise NotFound(f"No trace tag with key '{request.key}' for trace with ID '{trace_id}'")
    desk.store.producer.emit_and_wait([e.TraceTagsDeleted(trace_id, [request.key])])
    return empty_reply()


@router.post(_V2 + "/link-to-run")
def link_to_run(desk: DeskOf, request: Annotated[LinkRunMessage, FromBody(LinkRunMessage)]) -> Response:
    """At most 100 traces at once; a trace may belong to several runs."""
    if len(request.trace_ids) > _MOST_LINKS:
        raise InvalidParameter(
            "trace_ids",
            f"Cannot link more than {_MOST_LINKS} traces to a run in a single request."
            f" Provided {len(request.trace_ids)} traces.",
        )
    run_id = validate.run_id(request.run_id)
    ids = [validate.run_id(trace_id, "trace_ids") for trace_id in dict.fromkeys(request.trace_ids)]
    desk.store.producer.emit_and_wait([e.TraceLinked(trace_id, [run_id]) for trace_id in ids])
    return empty_reply()


@router.post(_V2 + "/link-prompts")
def link_prompts(
    desk: DeskOf, request: Annotated[LinkPromptsMessage, FromBody(LinkPromptsMessage)]
) -> Response:
    """Note the prompt versions that a trace used; a search finds it by them."""
    current_trace(desk.store, request.trace_id)
    prompts = [
        e.PromptVersion(validate.text(item.name, "name", 500), str(item.version))
        for item in request.prompt_versions
    ]
    events = [e.TraceLinked(request.trace_id, prompts=prompts)] if prompts else []
    desk.store.producer.emit_and_wait(events)
    return empty_reply()


@router.post(_V2)
def start_v2(desk: DeskOf, request: Annotated[StartV2Message, FromBody(StartV2Message)]) -> Response:
    """Begin a trace, whose id is made here; of old clients."""
    home = desk.experiments.get(request.experiment_id)
    trace_id = uuid.uuid4().hex
    location = trace_root(home.experiment_id, trace_id, home.artifact_location)
    tags = texts({item.key: item.value for item in request.tags}, "tags")
    event = e.TraceLogged(
        trace_id,
        home.experiment_id,
        validate.timestamp(request.timestamp_ms, "timestamp_ms"),
        "IN_PROGRESS",
        metadata=texts({item.key: item.value for item in request.request_metadata}, "request_metadata"),
        tags={**tags, trace_requests.ARTIFACT_LOCATION: location},
    )
    desk.store.producer.emit_and_wait([event])
    return reply({"trace_info": trace_info_v2(_as_logged(event))})


@router.patch(_V2 + "/{trace_id}")
def end_v2(desk: DeskOf, trace_id: str, request: Annotated[EndV2Message, FromBody(EndV2Message)]) -> Response:
    """End a trace; metadata and tags are merged; of old clients."""
    trace = current_trace(desk.store, trace_id)
    event = e.TraceLogged(
        trace_id,
        trace.experiment_id,
        trace.request_time,
        v2_state(request.status),
        validate.timestamp(request.timestamp_ms, "timestamp_ms") - trace.request_time,
        trace.client_request_id,
        metadata=texts({item.key: item.value for item in request.request_metadata}, "request_metadata"),
        tags=texts({item.key: item.value for item in request.tags}, "tags"),
    )
    desk.store.producer.emit_and_wait([event])
    return reply({"trace_info": trace_info_v2(current_trace(desk.store, trace_id))})


@router.get(_V2 + "/{trace_id}/info")
def get_info_v2(desk: DeskOf, trace_id: str) -> Response:
    """A trace without its spans; of old clients."""
    return reply({"trace_info": trace_info_v2(current_trace(desk.store, trace_id))})
