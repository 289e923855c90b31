"""Dead letters: list, show, retry, drop."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query

from trackstream_api import dead_letters
from trackstream_api.log_places import parse_position
from trackstream_api.models.base import Reply
from trackstream_api.models.dead_letters import (
    DeadLetterDetail,
    DeadLetterResolution,
    DeadLetters,
    Resolve,
)
from trackstream_api.queries import dead_letters as letters
from trackstream_api.routes.parameters import Consistency, StoreOf
from trackstream_api.store import Store
from trackstream_schemas.errors import InvalidInput, Unavailable
from trackstream_schemas.position import Position

router = APIRouter(prefix="/api/v1/dead-letters", tags=["administration"])


async def _place(
    position: Annotated[str, Path(description="Where the record stands: topic:partition:offset")],
) -> Position:
    return parse_position(position)


Place = Annotated[Position, Depends(_place)]


@router.get("", response_model=DeadLetters, summary="Records that could not be applied")
def list_(
    store: StoreOf,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    state: Literal["open", "retried", "dropped", "all"] = "open",
    consistency: Consistency = "strong",
) -> Reply:
    """The newest first. What is projected is told at once where a projector has stopped for good: why it
    did may stand there."""
    try:
        return _page(store, limit, state, consistency)
    except Unavailable:
        if store.failure() is None:
            raise
        return _page(store, limit, state, "eventual")


@router.get("/{position}", response_model=DeadLetterDetail, summary="Show a dead letter")
def show(store: StoreOf, position: Place, consistency: Consistency = "strong") -> Reply:
    """With its record, read as far as it can be."""
    with dead_letters.reading_letters(store, consistency) as headers:
        letter = letters.get(store.engine, position)
    return Reply(dead_letters.show(letter), headers=headers)


@router.post("/{position}/retry", response_model=DeadLetterResolution, summary="Append a record again")
def retry(store: StoreOf, position: Place, request: Resolve | None = None) -> Reply:
    """At the end of its topic under its own key, once whatever kept it from being applied is mended. Says
    whether it went through."""
    return Reply(dead_letters.retry(store, position, request or Resolve()))


@router.post(
    "/{position}/drop", response_model=DeadLetterResolution, summary="Say that a record is not wanted"
)
def drop(store: StoreOf, position: Place, request: Resolve) -> Reply:
    """It stays on the log, marked with who dropped it and why."""
    if not request.reason.strip():
        raise InvalidInput("reason", request.reason, "why the record is not wanted")
    return Reply(dead_letters.drop(store, position, request))


def _page(store: Store, limit: int, state: str, consistency: str) -> Reply:
    with dead_letters.reading_letters(store, consistency) as headers:
        return Reply(letters.page(store.engine, limit, state), headers=headers)
