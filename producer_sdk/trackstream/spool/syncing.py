"""Forwarding spools on request: what `trackstream sync` and `trackstream spool status` do."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from trackstream.delivery import Count
from trackstream.spool.forwarding import forward
from trackstream.spool.log import SpoolLog
from trackstream.spool.place import OwnedSpool, is_original, owner_alive
from trackstream.spool.recovery import journal_points, recover
from trackstream_schemas.errors import StorageFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trackstream.spool.forwarding import Destination
    from trackstream.spool.log import Facts, Tally

_Result = TypeVar("_Result")
_CHUNK_EVENTS = 500
_CHUNK_BYTES = 4 << 20
_ATTEMPTS = 6
_FIRST_PAUSE_S = 0.2
_DELETION_S = 5.0
"""How long a process that holds a spool may take to delete its files, on a machine that is busy."""


class SpoolState(NamedTuple):
    """A spool as it is now."""

    path: Path
    facts: Facts
    tally: Tally
    journal_points: int
    """Points that are in its journal only."""
    bytes: int
    alive: bool
    """Whether the process that writes it is running on this machine."""
    original: bool
    """Whether it is where its producer writes it, and not a copy."""


class Synced(NamedTuple):
    """What became of one spool."""

    path: Path
    forwarded: Count
    """What was forwarded now."""
    events: int
    """Events that were forwarded now, those that hold points among them."""
    refused: int
    """Events that the log will never have; they stay in the spool."""
    left: int
    """Points in the journal of a copy, which only the original or `recover` may forward."""
    alive: bool
    deleted: bool


def state_of(path: Path) -> SpoolState | None:
    """Return the state of the spool at `path`, or None where it has been forwarded and removed.

    None too where a living process has only begun to make it. Raises StorageFailed or Unavailable where it
    cannot be read.
    """
    return _of_what_is_there(path, lambda: _state_of(path))


def _state_of(path: Path) -> SpoolState | None:
    spool = _open(path)
    if spool is None:
        return None
    with closing(spool):
        alive = owner_alive(path)
        if alive and not spool.is_made():
            return None
        facts = spool.facts()
        left = 0 if alive else journal_points(path, facts)
        return SpoolState(path, facts, spool.tally(), left, spool.bytes, alive, is_original(path, facts))


def sync(
    path: Path,
    to: Destination,
    *,
    recover_copy: bool = False,
    delete: bool = False,
    report: Callable[[int], object] = lambda events: None,
) -> Synced | None:
    """Forward what the spool at `path` holds; None where it has been forwarded and removed meanwhile.

    None too where a living process has only begun to make it. May be repeated, and run from several processes
    and on several copies at once, while the owner goes on. A dead owner's journal is forwarded too; of a copy
    only with `recover_copy`, which is for where the process that wrote it has surely ended. `report` gets the
    number of events forwarded so far. `delete` removes a spool that has nothing left to forward and no living
    owner. Raises Unavailable or StorageFailed where the log takes nothing.
    """
    return _of_what_is_there(path, lambda: _sync(path, to, recover_copy, delete, report))


def _sync(
    path: Path, to: Destination, recover_copy: bool, delete: bool, report: Callable[[int], object]
) -> Synced | None:
    left = 0
    owned = OwnedSpool.take_over(path, create=True)
    alive = owned is None and path.exists()
    if owned is not None:
        try:
            facts = owned.log.facts()
            if recover_copy or is_original(path, facts):
                recover(path, owned.log)
            else:
                left = journal_points(path, facts)
        finally:
            owned.leave()
    spool = _open(path)
    if spool is None:
        return None
    with closing(spool):
        if alive and not spool.is_made():
            return None
        done, events = _forward_all(spool, to, report)
        refused = spool.tally().refused
    deleted = delete and not alive and not refused and not left and _delete(path)
    return Synced(path, done, events, refused, left, alive, deleted)


def _of_what_is_there(path: Path, act: Callable[[], _Result | None]) -> _Result | None:
    """Return what `act` finds, or None where the spool is gone.

    Its owner deletes a spool that the log has taken, at any moment and file by file, and begins another of
    the same name when the log is behind again. So a failure is looked at anew before it is believed.
    """
    until = time.monotonic() + _DELETION_S
    looked_again = False
    while True:
        try:
            return act()
        except StorageFailed:
            gives_up = looked_again and (not owner_alive(path) or time.monotonic() > until)
            if not path.exists():
                return None
            if gives_up:
                raise
        looked_again = True
        time.sleep(_FIRST_PAUSE_S / 20)


def _open(path: Path) -> SpoolLog | None:
    # Opening a file that is not there would make one.
    return SpoolLog(path) if path.exists() else None


def _forward_all(spool: SpoolLog, to: Destination, report: Callable[[int], object]) -> tuple[Count, int]:
    done, seen, refused, failures = Count(), 0, 0, 0
    while chunk := spool.waiting(_CHUNK_EVENTS, _CHUNK_BYTES):
        try:
            count, refusals = forward(spool, to, chunk, keep=True)
        except Unavailable:
            failures += 1
            if failures == _ATTEMPTS:
                raise
            time.sleep(_FIRST_PAUSE_S * 2**failures)
            continue
        failures = 0
        done += count
        seen += len(chunk)
        refused += len(refusals)
        report(seen)
    return done, seen - refused


def _delete(path: Path) -> bool:
    owned = OwnedSpool.take_over(path)
    if owned is None:
        return False
    if owned.log.tally().waiting_events:
        owned.leave()
        return False
    owned.discard()
    return True
