"""Logged models as MLflow's messages, and the other way round.

Source: mlflow.entities.logged_model and mlflow.protos.service_pb2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from trackstream_api.mlflow.artifact_places import model_root
from trackstream_api.mlflow.messages import entries, present
from trackstream_schemas.events import LoggedModelStatus

if TYPE_CHECKING:
    from trackstream_api.models.logged_models import LoggedModel

# In the order of the enumeration's numbers.
_STATUSES: dict[str, LoggedModelStatus] = {
    "LOGGED_MODEL_STATUS_UNSPECIFIED": "UNSPECIFIED",
    "LOGGED_MODEL_PENDING": "PENDING",
    "LOGGED_MODEL_READY": "READY",
    "LOGGED_MODEL_UPLOAD_FAILED": "FAILED",
}
_NAMES: dict[str, str] = {status: name for name, status in _STATUSES.items()}


def _read_status(given: Any) -> Any:
    numbered = dict(enumerate(_STATUSES.values()))
    found = _STATUSES.get(given) if isinstance(given, str) else numbered.get(given)
    if found is None and isinstance(given, str) and given.isdigit():
        found = numbered.get(int(given))
    if found is None:
        raise PydanticCustomError("enum", "Must be one of {names}", {"names": ", ".join(_STATUSES)})
    return found


Status = Annotated[LoggedModelStatus, BeforeValidator(_read_status)]
"""A model's status, given by name or by number."""


def logged_model_message(model: LoggedModel, artifact_location: str | None) -> dict[str, Any]:
    """Return a LoggedModel; `artifact_location` is the experiment's own, or None."""
    info = present(
        model_id=model.model_id,
        experiment_id=model.experiment_id,
        name=model.name,
        creation_timestamp_ms=model.created_at,
        last_updated_timestamp_ms=model.updated_at,
        artifact_uri=model_root(model.experiment_id, model.model_id, artifact_location),
        status=_NAMES.get(model.status, "LOGGED_MODEL_STATUS_UNSPECIFIED"),
        model_type=model.model_type,
        source_run_id=model.source_run_id,
        tags=entries(model.tags),
    )
    metrics = [present(**metric, model_id=model.model_id) for metric in model.metrics]
    return {"info": info, "data": present(params=entries(model.params), metrics=metrics)}
