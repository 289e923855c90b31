"""What happened to an entity, and how two moments of a run differ."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from trackstream_api.as_of import history
from trackstream_api.as_of.diff import differences
from trackstream_api.as_of.moment import cut_at, parse_moment
from trackstream_api.as_of.runs import run_at
from trackstream_api.barrier import reading
from trackstream_api.models.base import Reply
from trackstream_api.models.history import DiffSide, HistoryPage, RunDiff
from trackstream_api.queries import registry
from trackstream_api.routes.parameters import AsOf, Consistency, PageToken, StoreOf
from trackstream_consumers.engine import Engine
from trackstream_schemas import validate
from trackstream_schemas.ids import registered_model_id_of

router = APIRouter(prefix="/api/v1", tags=["history"])

Moment = Annotated[
    str, Query(description="now, a time, 10m for ten minutes ago, or topic:partition:offset[,…]")
]


@router.get("/history/{kind}/{entity_id:path}", response_model=HistoryPage, summary="History of an entity")
def page(
    store: StoreOf,
    kind: Annotated[history.Kind, Path(description="What it is")],
    entity_id: Annotated[str, Path(description="The entity's id; of a registered model its name or id")],
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    page_token: PageToken = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """Who did what and when, the first event first, and which values each event changed. Metric points have a
    history of their own."""
    cut = None if as_of is None else cut_at(as_of, store, "as_of", history.TOPICS[kind])
    with reading(store, history.TOPICS[kind], consistency) as headers:
        if kind == "models":
            entity_id = _model_id(store.engine, entity_id)
        found = history.page(store.engine, kind, entity_id, limit, page_token, cut)
    return Reply(found, headers=headers)


def _model_id(engine: Engine, given: str) -> str:
    """Return the id of the model that has this name, or has this id, or had this name when it was made."""
    model = registry.find(engine, given)
    if model is not None:
        return model.registered_model_id
    return given if given.isdecimal() else registered_model_id_of(given)


@router.get("/diff/runs", response_model=RunDiff, summary="How two runs, or two moments of one, differ")
def diff(
    store: StoreOf,
    a: Annotated[str, Query(description="A run's id")],
    b: Annotated[str, Query(description="Another's, or the same")],
    a_at: Moment = "now",
    b_at: Moment = "now",
) -> Reply:
    """Attributes, params, tags, inputs and the latest metrics, each run as it was at its moment."""
    moments = parse_moment(a_at, "a_at"), parse_moment(b_at, "b_at")
    first = run_at(store, validate.run_id(a, "a"), moments[0], "a_at")
    second = run_at(store, validate.run_id(b, "b"), moments[1], "b_at")
    sides = [
        DiffSide(run_id=run.state.run_id, name=run.state.name, moment=at, version=run.version)
        for run, at in ((first, a_at), (second, b_at))
    ]
    return Reply(RunDiff.model_construct(a=sides[0], b=sides[1], differences=differences(first, second)))
