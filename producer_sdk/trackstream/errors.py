"""The SDK's errors, all of the tree in trackstream_schemas.errors.

TrackstreamError
├── InvalidInput
│   └── Rejected         the log refused an event for good
├── NotFound
├── AlreadyExists
├── Conflict
│   └── ParamConflict    a param logged again with another value
├── Unavailable
└── StorageFailed
"""

from __future__ import annotations

from trackstream_schemas.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    NotFound,
    StorageFailed,
    TrackstreamError,
    Unavailable,
)

__all__ = [
    "AlreadyExists",
    "Conflict",
    "InvalidInput",
    "NotFound",
    "ParamConflict",
    "Rejected",
    "StorageFailed",
    "TrackstreamError",
    "Unavailable",
]


class Rejected(InvalidInput):
    """The log's server refused the events, and would refuse them again."""


class ParamConflict(Conflict):
    """A param has a value already; params never change."""

    def __init__(self, run_id: str, key: str, kept: str, rejected: str) -> None:
        self.run_id = run_id
        self.key = key
        self.kept = kept
        self.rejected = rejected
        super().__init__(
            f"param {key!r} of run {run_id} is {_short(kept)} already and params cannot be changed; "
            f"got {_short(rejected)}. Log it under another name, or as a tag."
        )


def _short(value: str) -> str:
    return repr(value) if len(value) <= 200 else f"{value[:200]!r}… ({len(value)} characters)"
