"""Which points a reader sees of runs that were rewound: the newest branch, or all of one that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_api.models.metrics import Branch, BranchList
from trackstream_api.queries.execution import select
from trackstream_consumers.metric_branches import Branches
from trackstream_consumers.projectors.rewound_runs import FIRST_SEEN, REWINDS, branches_of_rows
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_consumers.engine import Engine

_HIDDEN_BY = """
    sequence >= low AND sequence < below AND step >= from_step
"""
_NEWEST = f"""
    NOT arrayExists(
        hidden -> run_id = hidden.1 AND producer_id = hidden.2 AND arrayExists(
            (low, below, from_step) -> {_HIDDEN_BY}, hidden.3, hidden.4, hidden.5
        ),
        (
            SELECT groupArray((run_id, producer_id, from_sequence, below_sequence, from_step))
            FROM superseded FINAL WHERE run_id IN {{rewound:Array(String)}}
        )
    )
"""
_NAMED = f"""
    NOT arrayExists(
        (producer, low, below, from_step) -> producer_id = producer AND {_HIDDEN_BY},
        {{hidden_producers:Array(String)}}, {{hidden_lows:Array(UInt64)}}, {{hidden_belows:Array(UInt64)}},
        {{hidden_steps:Array(Int64)}}
    )
"""
_REWOUND = "SELECT DISTINCT run_id FROM superseded WHERE run_id IN {run_ids:Array(String)}"
_BEGUN = """
    SELECT offset, toUnixTimestamp64Milli(occurred_at), writer FROM rewinds FINAL
    WHERE run_id = {run_id:String} ORDER BY offset
"""


class Visible(NamedTuple):
    """A condition on rows of `metric_points` and what its placeholders stand for."""

    condition: str
    parameters: Mapping[str, Any]


def visible(engine: Engine, run_id: str, branch: int | None = None) -> Visible:
    """Return the condition for one branch of a run, None being the newest. Raises NotFound."""
    if branch is None:
        return newest(engine, [run_id])
    found = load(engine, run_id)
    if branch > found.newest:
        there = f"branches 0 to {found.newest}" if found.newest else "branch 0 only: it was never rewound"
        raise NotFound(f"no branch {branch} of run {run_id!r}, which has {there}")
    hidden = found.hidden(branch)
    return Visible(
        _NAMED,
        {
            "hidden_producers": [item.producer_id for item in hidden],
            "hidden_lows": [item.from_sequence for item in hidden],
            "hidden_belows": [item.below_sequence for item in hidden],
            "hidden_steps": [item.from_step for item in hidden],
        },
    )


def newest(engine: Engine, run_ids: Sequence[str]) -> Visible:
    """Return the condition for the newest branch of each of these runs."""
    # To ask first costs less than to put the condition to points of runs that were never rewound.
    rewound = [row[0] for row in select(engine, _REWOUND, {"run_ids": list(run_ids)})]
    return Visible(_NEWEST, {"rewound": rewound}) if rewound else Visible("1", {})


def load(engine: Engine, run_id: str) -> Branches:
    """Return the branches of a run; of one that was never rewound, or is not there, branch 0 alone."""
    ids = {"ids": [run_id]}
    rewinds = select(engine, REWINDS, ids)
    if not rewinds:
        return Branches()
    return branches_of_rows([run_id], rewinds, select(engine, FIRST_SEEN, ids))[run_id]


def listed(engine: Engine, run_id: str) -> BranchList:
    """Return the branches of a run, the oldest first."""
    found = load(engine, run_id)
    rewinds = select(engine, _BEGUN, {"run_id": run_id})
    items = [Branch(branch=0, rewound_to_step=None, began_at=None, writers=[])]
    for number, (begin, step) in enumerate(zip(found.begins, found.steps, strict=True), 1):
        end = found.begins[number] if number < found.newest else 2**64
        members = [row for row in rewinds if begin <= row[0] < end]
        items.append(
            Branch(
                branch=number,
                rewound_to_step=step,
                began_at=members[0][1],
                writers=list(dict.fromkeys(row[2] for row in members)),
            )
        )
    return BranchList.model_construct(run_id=run_id, branches=items)
