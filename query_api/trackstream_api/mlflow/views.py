"""MLflow's enumerations in requests: by name or by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from trackstream_api.search.statement import View
from trackstream_schemas.events import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_VIEWS: dict[str, Any] = {"ACTIVE_ONLY": "active", "DELETED_ONLY": "deleted", "ALL": "all"}
_STATUSES: dict[str, Any] = {name: name for name in ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")}


def _reader(values: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return what turns a name or a number (from 1, in the order of the names) into its value."""
    by_name = dict(values)
    by_number = {str(number): value for number, value in enumerate(values.values(), 1)}

    def read(given: Any) -> Any:
        if given is None:
            return None
        found = by_name.get(given) if isinstance(given, str) else None
        found = by_number.get(str(given)) if found is None else found
        if found is None:
            raise PydanticCustomError("enum", "Must be one of {names}", {"names": ", ".join(by_name)})
        return found

    return read


ViewType = Annotated[View, BeforeValidator(_reader(_VIEWS))]
"""Active, deleted or all entities."""
Status = Annotated[RunStatus, BeforeValidator(_reader(_STATUSES))]
"""A run's status."""
