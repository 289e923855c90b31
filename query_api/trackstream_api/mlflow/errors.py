"""Errors that only MLflow's face of the API raises, on top of the shared tree.

TrackstreamError                 status  error_code                exit code
├── InvalidInput                   400   INVALID_PARAMETER_VALUE       2
│   └── InvalidParameter           400   INVALID_PARAMETER_VALUE       2
│       └── MissingParameter       400   INVALID_PARAMETER_VALUE       2
└── NotImplementedHere             501   NOT_IMPLEMENTED               1
"""

from __future__ import annotations

from trackstream_schemas.errors import InvalidInput, TrackstreamError

SEE_DOCS = "See the API docs for more information about request parameters."


class InvalidParameter(InvalidInput):
    """A request that MLflow's server would refuse with INVALID_PARAMETER_VALUE, in a text of its own.

    `field` names the parameter; the text should do so as well.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, None, message)
        self.args = (message,)


class MissingParameter(InvalidParameter):
    """A required parameter is absent or empty."""

    def __init__(self, field: str) -> None:
        super().__init__(field, f"Missing value for required parameter '{field}'. {SEE_DOCS}")


class NotImplementedHere(TrackstreamError):
    """An endpoint of MLflow's that this server knowingly leaves out (see `not_implemented`)."""

    status = 501
    error_code = "NOT_IMPLEMENTED"
