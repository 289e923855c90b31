"""The error tree's root and the errors that every package shares.

    TrackstreamError                 status  error_code                exit code
    ├── InvalidInput                   400   INVALID_PARAMETER_VALUE       2
    │   └── MalformedEvent             400   INVALID_PARAMETER_VALUE       2
    │       └── UnknownSchema          400   INVALID_PARAMETER_VALUE       2
    ├── NotFound                       404   RESOURCE_DOES_NOT_EXIST       3
    ├── AlreadyExists                  400   RESOURCE_ALREADY_EXISTS       4
    ├── Conflict                       400   INVALID_STATE                 4
    ├── Unavailable                    503   TEMPORARILY_UNAVAILABLE       5
    └── StorageFailed                  507   INTERNAL_ERROR                6

`status` is the HTTP status, `error_code` MLflow's (mlflow.protos.databricks_pb2.ErrorCode), `exit
code` the CLI's. The CLI itself exits with 1 for anything not in this tree. Other packages subclass
these; they do not add roots.
"""

from __future__ import annotations


class TrackstreamError(Exception):
    """Base of all errors of ours; its text is written for the person who will read it."""

    status = 500
    error_code = "INTERNAL_ERROR"
    exit_code = 1


class InvalidInput(TrackstreamError):
    """A value that can never be accepted. Names the field, the value and what would be right."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"
    exit_code = 2

    def __init__(self, field: str, value: object, expected: str) -> None:
        self.field = field
        self.value = value
        self.expected = expected
        shown = repr(value)
        if len(shown) > 200:
            shown = f"{shown[:200]}… ({len(shown)} characters)"
        super().__init__(f"{field}: got {shown}, expected {expected}")


class MalformedEvent(InvalidInput):
    """Bytes on the log or in a request that are not an event we can read."""


class UnknownSchema(MalformedEvent):
    """An event under a schema that this version does not know: it may be too old to read the log."""


class NotFound(TrackstreamError):
    """No entity with that id or name."""

    status = 404
    error_code = "RESOURCE_DOES_NOT_EXIST"
    exit_code = 3


class AlreadyExists(TrackstreamError):
    """A name that is taken."""

    status = 400
    error_code = "RESOURCE_ALREADY_EXISTS"
    exit_code = 4


class Conflict(TrackstreamError):
    """The entity is in a state that does not allow the act, such as logging to a deleted run."""

    status = 400
    error_code = "INVALID_STATE"
    exit_code = 4


class Unavailable(TrackstreamError):
    """A part (log, engine, blob store, server) cannot be reached now; trying again may help."""

    status = 503
    error_code = "TEMPORARILY_UNAVAILABLE"
    exit_code = 5


class StorageFailed(TrackstreamError):
    """The disk is full, read-only or damaged."""

    status = 507
    error_code = "INTERNAL_ERROR"
    exit_code = 6
