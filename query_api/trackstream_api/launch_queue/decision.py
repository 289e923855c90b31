"""What a worker does, given what it sees of its queue. Pure.

Whoever takes a launch appends a claim; the first one on the log holds, and everybody sees the same. A worker
executes what its own claim holds, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Seen:
    """A launch of the queue that was requested and is not over."""

    launch_id: str
    claim_id: str
    """The claim that holds; empty while it waits to be taken."""
    attempts: int
    """Claims that held, this one included."""
    max_attempts: int
    backend: str
    run_id: str = ""
    silent: bool = False
    """Nothing was heard of who has it for three heartbeats."""
    cancel_requested: bool = False
    last_seen: int = 0
    """When who has it was heard of last: ms on its own clock."""

    @property
    def may_be_taken_again(self) -> bool:
        """Whether another attempt may follow this one."""
        return self.attempts < self.max_attempts and not self.cancel_requested


@dataclass(slots=True)
class Drain:
    """Whether a queue in which nothing waits is empty: what others have comes back from workers that died.

    A claim is believed once its worker is heard of after this was asked first.
    """

    _first: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What was seen first of each launch: its claim, and when that was heard of."""

    def is_over(self, seen: Sequence[Seen], can_execute: Callable[[str], bool]) -> bool:
        """Whether nothing of what is seen waits to be taken here, or may wait again unless it shows life."""
        return not [launch for launch in seen if can_execute(launch.backend) and self._may_come(launch)]

    def begin_again(self) -> None:
        """Note that something waited or ran meanwhile."""
        self._first.clear()

    def _may_come(self, launch: Seen) -> bool:
        if not launch.claim_id:
            return True
        sign = (launch.claim_id, launch.last_seen)
        first = self._first.setdefault(launch.launch_id, sign)
        if first[0] != launch.claim_id:
            first = self._first[launch.launch_id] = sign
        return launch.may_be_taken_again and (launch.silent or first == sign)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now."""

    execute: Sequence[Seen] = ()
    """Ours, and not begun."""
    claim: Sequence[Seen] = ()
    """To take, the oldest first."""
    lost: Sequence[Seen] = ()
    """To say of that whoever had it is gone."""
    cancel: Sequence[Seen] = ()
    """Executed here, to be asked to end."""
    stop: Sequence[Seen] = ()
    """Executed here although another may have it, to be killed."""


def plan(
    seen: Sequence[Seen],
    claims: Collection[str],
    running: Mapping[str, str],
    free: int,
    can_execute: Callable[[str], bool],
) -> Plan:
    """Return what to do about the launches of a queue, the oldest request first in `seen`.

    `claims` are the claims of this worker that are not executed (yet), `running` those that are by launch,
    `free` is how many more may run here, and `can_execute` says so of a backend. What is seen must be no
    older than the newest of the claims: a claim that is not seen then has lost.
    """
    mine = [launch for launch in seen if launch.claim_id in claims and launch.launch_id not in running]
    here = [launch for launch in seen if launch.launch_id in running]
    waiting = [
        launch
        for launch in seen
        if not launch.claim_id and launch.launch_id not in running and can_execute(launch.backend)
    ]
    known = {*claims, *running.values()}
    return Plan(
        execute=mine,
        claim=waiting[: max(0, free - len(mine))],
        lost=[launch for launch in seen if launch.silent and launch.claim_id not in known],
        cancel=[launch for launch in here if launch.cancel_requested],
        stop=[launch for launch in here if launch.claim_id != running[launch.launch_id]],
    )
