"""Errors of the query API, on top of the shared tree.

TrackstreamError                        status  error_code                exit code
├── InvalidInput                          400   INVALID_PARAMETER_VALUE       2
│   ├── BodyTooLarge (body_limit)         413   INVALID_PARAMETER_VALUE       2
│   ├── EncodingNotSupported (…_encoding) 415   INVALID_PARAMETER_VALUE       2
│   ├── FilterSyntaxError                 400   INVALID_PARAMETER_VALUE       2
│   ├── SourceRefused                     400   INVALID_PARAMETER_VALUE       2
│   └── SqlRefused                        400   INVALID_PARAMETER_VALUE       2
│       └── QueryTooHeavy                 400   INVALID_PARAMETER_VALUE       2
├── NoDirectUploads                       501   NOT_IMPLEMENTED               1
├── NoSnapshots                           501   NOT_IMPLEMENTED               1
├── ReplayElsewhere                       501   NOT_IMPLEMENTED               1
└── (the rest: trackstream_schemas.errors)
"""

from __future__ import annotations

from trackstream_schemas.errors import InvalidInput, TrackstreamError

_SHOWN = 60


class FilterSyntaxError(InvalidInput):
    """A filter or an order_by term that does not follow the grammar.

    `position` counts characters from 0 and is the length of the text where the text ends too early.
    The message points at the offending text and says what would be right there.
    """

    def __init__(self, field: str, text: str, position: int, found: str, expected: str) -> None:
        super().__init__(field, text, expected)
        self.position = position
        what = repr(found) if found else "the end"
        self.args = (
            f"{field}: at position {position}: got {what}, expected {expected}\n{_pointed(text, position)}",
        )


class SourceRefused(InvalidInput):
    """The source of a model version is none, or not one of what the request names. In MLflow's words."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__("source", source, reason)
        self.args = (f"Invalid model version source: '{source}'. {reason}",)


class SqlRefused(InvalidInput):
    """SQL of a user that will not be run, or that the engine found wrong. Names the offending part.

    `position` is where that stands in the query, in characters from 0; None where it is not known.
    """

    def __init__(
        self, value: object, expected: str, field: str = "query", position: int | None = None
    ) -> None:
        super().__init__(field, value, expected)
        self.position = position


class QueryTooHeavy(SqlRefused):
    """SQL of a user that hit one of the limits on time, memory or size of the result."""


def _pointed(text: str, position: int) -> str:
    """Return the part of the text around the position, and a caret below it."""
    start = max(0, position - _SHOWN)
    end = min(len(text), position + _SHOWN)
    before = ("…" if start else "") + text[start:position]
    after = text[position:end] + ("…" if end < len(text) else "")
    # One character each, so that the caret stays below its place.
    line = "".join(" " if character.isspace() else character for character in before + after)
    return f"  {line}\n  {' ' * len(before)}^"


class NoDirectUploads(TrackstreamError):
    """The blob store has no addresses that clients could send to."""

    status = 501
    error_code = "NOT_IMPLEMENTED"


class NoSnapshots(TrackstreamError):
    """The analytical store does not let this process make the tables that hold an earlier moment."""

    status = 501
    error_code = "NOT_IMPLEMENTED"


class ReplayElsewhere(TrackstreamError):
    """This process does not run the projectors, so it cannot rebuild or compare what they write."""

    status = 501
    error_code = "NOT_IMPLEMENTED"
