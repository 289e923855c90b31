"""Parameters that many routes take."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query, Request

from trackstream_api.store import Store
from trackstream_schemas import validate


async def _store(request: Request) -> Any:
    return request.app.state.store


# Checks of one value are quicker on the event loop than in a thread of the pool.
async def _run_id(run_id: Annotated[str, Path(description="The run's id")]) -> str:
    return validate.run_id(run_id)


async def _experiment_id(experiment_id: Annotated[str, Path(description="The experiment's id")]) -> str:
    return validate.experiment_id(experiment_id)


StoreOf = Annotated[Store, Depends(_store)]
RunId = Annotated[str, Depends(_run_id)]
ExperimentId = Annotated[str, Depends(_experiment_id)]
Consistency = Annotated[
    Literal["strong", "eventual"],
    Query(
        description="strong waits (at most 10 s) until everything that was on the log when the request"
        " arrived is projected; eventual answers at once. X-Trackstream-Lag-Ms tells how old the answer"
        " may be"
    ),
]
AsOf = Annotated[
    str | None,
    Query(
        description="What this store would have answered then: a time (2026-11-21T13:00, milliseconds since"
        " the epoch, or 10m for ten minutes ago), topic:partition:offset[,…] for the last record that counts,"
        " or the X-Trackstream-As-Of of an earlier answer"
    ),
]
PageToken = Annotated[str | None, Query(description="next_page_token of the page before")]
