"""The log as server-sent events."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from trackstream_api.as_of.moment import parse_moment, start_from
from trackstream_api.log_places import parse_vector
from trackstream_api.stream.feed import LogFeed
from trackstream_api.stream.listener import Listener
from trackstream_api.stream.selection import Selection, select
from trackstream_api.stream.source import STREAMED_TOPICS
from trackstream_api.stream.sse import EventStream, Wake
from trackstream_schemas.position import TopicPartition

router = APIRouter(prefix="/api/v1", tags=["events"])

BEGINNING = "beginning"


@router.get(
    "/stream",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}, "description": "One JSON object an event"}},
    summary="Follow the log",
)
async def stream(
    request: Request,
    run: Annotated[list[str], Query(description="Only events of these runs", max_length=100)] = [],  # noqa: B006
    experiment: Annotated[str | None, Query(description="Only events of this experiment, by its id")] = None,
    type_: Annotated[list[str], Query(alias="type", description="Only these, such as RunStarted")] = [],  # noqa: B006
    topic: Annotated[list[str], Query(description="Only of these topics, such as runs")] = [],  # noqa: B006
    since: Annotated[
        str,
        Query(
            description="Where to begin: now, beginning, a time, topic:partition:offset[,…] or the id of an"
            " event. Ignored where Last-Event-ID says more"
        ),
    ] = "now",
    follow: Annotated[bool, Query(description="false ends at the log's end of now")] = True,
    points: Annotated[
        Literal["summary", "full"], Query(description="How metric batches are shown")
    ] = "summary",
    last_event_id: Annotated[
        str | None, Header(description="As browsers send it when they come back")
    ] = None,
) -> Response:
    """Server-sent events in the order of the log, each partition's without a gap. An event's id is where the
    stream stands behind it: a client that comes back with it as Last-Event-ID misses nothing and gets nothing
    twice. A comment is sent every 15 s. The last event is called `end` and says why: `end`, `slow` (the
    client took less than came, for too long), `stopping` or `failed`; a client goes on from its position.

    Metric batches are summed up by key unless `points` is full. Bytes of artifacts are not streamed."""
    selection = select(run, experiment, type_, topic)
    feed: LogFeed = request.app.state.feed
    wake = Wake()
    listener = await run_in_threadpool(
        _listener, feed, selection, last_event_id or since, wake, follow, points == "full"
    )
    return EventStream(listener, wake)


def _listener(
    feed: LogFeed, selection: Selection, since: str, wake: Wake, follow: bool, points: bool
) -> Listener:
    start = _start(feed, since)
    return Listener(feed, selection, start, wake, follow=follow, points=points)


def _start(feed: LogFeed, since: str) -> dict[TopicPartition, int] | None:
    """Return where to begin; None: now."""
    if since == BEGINNING:
        return {TopicPartition(topic, 0): 0 for topic in STREAMED_TOPICS}
    if "=" in since:
        return parse_vector(since, "since")
    moment = parse_moment(since, "since")
    return None if moment.is_now else start_from(moment, feed.source)
