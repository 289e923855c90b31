"""How two runs differ, each at a moment of its own. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.as_of.entity import changes, flat
from trackstream_api.models.history import Difference

if TYPE_CHECKING:
    from trackstream_api.as_of.runs import PastRun


def differences(a: PastRun, b: PastRun) -> list[Difference]:
    """Return what differs: attributes, params, tags, inputs and the latest metrics. NaN equals NaN."""
    old, new = flat(a.state), flat(b.state)
    found = [
        Difference(field=name, a=old.get(name), b=new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]
    if a.state.run_id == b.state.run_id:
        found += [
            Difference(field=change.field, a=change.before, b=change.after)
            for change in changes(a.state, b.state)
            if change.field == "conflicts"
        ]
    keys = sorted({*a.metrics, *b.metrics})
    return found + [
        Difference(field=f"metrics.{key}", a=a.metrics.get(key), b=b.metrics.get(key))
        for key in keys
        if _same(a.metrics.get(key)) != _same(b.metrics.get(key))
    ]


def _same(point: Any) -> str:
    # NaN is written alike, however often it is not equal to itself.
    return repr(point)
