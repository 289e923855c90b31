"""Our errors as MLflow's. There is none of our own here: callers know MLflow's only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2

from trackstream.errors import ParamConflict

if TYPE_CHECKING:
    from trackstream_schemas.errors import TrackstreamError


def as_mlflow(error: TrackstreamError) -> MlflowException:
    """Return what MLflow's server would have raised."""
    # As MLflow has it for a changed param; its client adds advice to this code.
    name = "INVALID_PARAMETER_VALUE" if isinstance(error, ParamConflict) else error.error_code
    return MlflowException(str(error), databricks_pb2.ErrorCode.Value(name))
