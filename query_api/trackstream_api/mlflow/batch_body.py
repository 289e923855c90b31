"""The body of `log-batch`, read quickly where it is spelt as MLflow's client spells it.

A batch may hold a thousand points, and a model of pydantic for each takes longer than all else that is done
with them. What msgspec takes here, `LogBatchMessage` takes too, with the same result (a property test holds
them together); whatever it refuses, other spellings and faults alike, is for `LogBatchMessage` to judge.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
_Int64: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Point(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A point, perhaps of a logged model on a data set."""

    key: _Name
    value: float
    timestamp: _Int64
    step: _Int64 | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class KeyValue(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A param or tag."""

    key: _Name
    value: str | None = None


class Batch(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Points, params and tags of one run."""

    run_id: _Name
    metrics: list[Point] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


_DECODER = msgspec.json.Decoder(Batch)


def usual_batch(body: bytes) -> Batch | None:
    """Return the batch in a body of the usual spelling, or None for any other."""
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
