"""Read-only SQL over the views."""

from fastapi import APIRouter, Response

from trackstream_api.barrier import reading
from trackstream_api.models.admin import SqlQuery, SqlResult
from trackstream_api.models.base import Reply
from trackstream_api.models.sql import SqlViews
from trackstream_api.queries import sql_views, user_sql
from trackstream_api.routes.parameters import Consistency, StoreOf
from trackstream_schemas import topics

router = APIRouter(prefix="/api/v1", tags=["sql"])

_CSV = "text/csv; charset=utf-8"
_ARROW = "application/vnd.apache.arrow.stream"


@router.post(
    "/sql",
    response_model=SqlResult,
    responses={200: {"content": {"text/csv": {}, _ARROW: {}}}},
    summary="Run a SELECT over the v_ views",
)
def run(store: StoreOf, request: SqlQuery, consistency: Consistency = "strong") -> Response:
    """One SELECT, `{name:Type}` for values; read-only, within limits of time, memory and size. In JSON,
    times are ISO 8601 in UTC, integers have all their digits and decimals are strings. CSV and Arrow
    are as ClickHouse writes them."""
    with reading(store, topics.EVENT_TOPICS, consistency) as headers:
        if request.format == "json":
            return Reply(user_sql.rows(store.engine, request.query, request.parameters), headers=headers)
        encoding, media_type = (user_sql.CSV, _CSV) if request.format == "csv" else (user_sql.ARROW, _ARROW)
        content = user_sql.encoded(store.engine, request.query, request.parameters, encoding)
        return Response(content, headers=headers, media_type=media_type)


@router.get("/sql/views", response_model=SqlViews, summary="The views, their columns and what they mean")
def views(store: StoreOf) -> Reply:
    """What `POST /sql` may read; columns are only ever added."""
    with store.gate.reading():
        return Reply(SqlViews(views=sql_views.views(store.engine)))
