"""What a rewind leaves visible: the branches of one run, from the few facts that decide them. Pure.

A run that a writer takes back to step S begins a new branch. Branch 0 is the run before any rewind; each
rewind begins the next one, unless it joins the newest: the same step, by a writer that has not gone back in
it yet (another rank of the same job). A point belongs to the branch that its process was on when it logged
it: the one of the process's own last rewind before the point, or else the newest one when the process was
first seen in the run's metrics. So what a process of an old branch appends late is a point of the old branch.
Where a point was appended does not matter otherwise, which makes repeats and any cut into batches harmless.

A point of branch `birth` is on branch b >= birth unless a rewind in between went back to below its step.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SEQUENCE_END = 2**64 - 1
"""Above every sequence."""
_LAST_STEP = 2**63 - 1
_FIRST_STEP = -(2**63)


class Rewind(NamedTuple):
    """A writer went back to `step`, the last one that still counts."""

    offset: int
    """Log offset, of the first append."""
    producer_id: str
    sequence: int
    writer: str
    step: int


class Era(NamedTuple):
    """The events of one process from `from_sequence` up to, not including, `below_sequence`: one branch."""

    from_sequence: int
    below_sequence: int
    birth: int


class Hidden(NamedTuple):
    """Points of an era that are not visible: those with a step of at least `from_step`."""

    producer_id: str
    from_sequence: int
    below_sequence: int
    from_step: int


@dataclass(frozen=True, slots=True)
class Branches:
    """The branches of one run."""

    steps: tuple[int, ...] = ()
    """Step that branch 1, 2 ... went back to."""
    begins: tuple[int, ...] = ()
    """Log offset of the rewind that began branch 1, 2 ..."""
    eras: Mapping[str, tuple[Era, ...]] = field(default_factory=dict)
    """By producer, in order of the sequences and without gaps, of each process that was ever seen."""
    last_offset: int = -1
    """Log offset of the last rewind, be it one that joined; -1 without any."""

    @property
    def newest(self) -> int:
        """Number of the branch that is shown by default."""
        return len(self.steps)

    def hidden(self, branch: int) -> list[Hidden]:
        """Return what is not on branch `branch` (0 to `newest`), by producer."""
        return [hidden for producer_id in sorted(self.eras) for hidden in self.hidden_of(producer_id, branch)]

    def hidden_of(self, producer_id: str, branch: int) -> list[Hidden]:
        """Return what of one process is not on a branch; nothing of one that was never seen."""
        found = []
        for era in self.eras.get(producer_id, ()):
            from_step = self._from_step(era.birth, branch)
            if from_step is not None:
                found.append(Hidden(producer_id, era.from_sequence, era.below_sequence, from_step))
        return found

    def _from_step(self, birth: int, branch: int) -> int | None:
        """Return the first step of points born on `birth` that `branch` does not show; None: it shows all."""
        if birth > branch:
            return _FIRST_STEP
        lowest = min(self.steps[birth:branch], default=_LAST_STEP)
        return None if lowest == _LAST_STEP else lowest + 1


def branches(rewinds: Iterable[Rewind], first_seen: Mapping[str, int]) -> Branches:
    """Fold a run's rewinds, each once and in any order.

    `first_seen` is the offset of the first record of each process that appended to the run's metrics.
    """
    steps: list[int] = []
    begins: list[int] = []
    joined: set[str] = set()
    moves: dict[str, list[tuple[int, int]]] = {producer_id: [] for producer_id in first_seen}
    last_offset = -1
    for rewind in sorted(rewinds):
        last_offset = rewind.offset
        if steps and rewind.step == steps[-1] and rewind.writer not in joined:
            joined.add(rewind.writer)
        else:
            steps.append(rewind.step)
            begins.append(rewind.offset)
            joined = {rewind.writer}
        moves[rewind.producer_id].append((rewind.sequence, len(steps)))
    eras = {}
    for producer_id, own in moves.items():
        eras[producer_id] = _eras(bisect_left(begins, first_seen[producer_id]), sorted(own))
    return Branches(tuple(steps), tuple(begins), eras, last_offset)


def _eras(birth: int, moves: Sequence[tuple[int, int]]) -> tuple[Era, ...]:
    found = []
    low = 0
    for sequence, branch in moves:
        if branch > birth:
            if sequence > low:
                found.append(Era(low, sequence, birth))
            low, birth = sequence, branch
    return (*found, Era(low, SEQUENCE_END, birth))
