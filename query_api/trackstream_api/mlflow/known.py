"""What was lately seen to be active, so that logging to it waits for no projection.

An entry is good for a second; for some more it is still used, while it is looked up again behind the caller's
back. A deletion through this process drops it at once. So a run that another process deletes may take
events for about a second, which the log then holds and the fold of the deleted run keeps.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from trackstream_schemas.errors import NotFound, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_FRESH_SECONDS = 1.0
_USABLE_SECONDS = 5.0
_CAPACITY = 20_000


class _Entry(NamedTuple, Generic[T]):
    fact: T
    seen_at: float


class Known(Generic[T]):
    """A bounded cache of facts by id. Thread-safe.

    `look_up(id, strong)` returns the fact or raises what is to be told to the caller. It is called with
    `strong` for what is not known, and without for what was known a moment ago.
    """

    def __init__(
        self, look_up: Callable[[str, bool], T], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._in_doubt: set[str] = set()

    def peek(self, key: str) -> T | None:
        """Return what is known, without waiting; None where that must be asked with `get`.

        To be called on an event loop, whose default executor looks up again what is no longer fresh.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        age = self._clock() - entry.seen_at
        if age < _FRESH_SECONDS:
            return entry.fact
        if age >= _USABLE_SECONDS:
            return None
        with self._lock:
            asked = key in self._in_doubt
            self._in_doubt.add(key)
        if not asked:
            asyncio.get_running_loop().run_in_executor(None, self._look_again, key)
        return entry.fact

    def get(self, key: str) -> T:
        """Return the fact, looking it up where it is not known. Blocks; raises what `look_up` raises."""
        entry = self._entries.get(key)
        if entry is not None and self._clock() - entry.seen_at < _FRESH_SECONDS:
            return entry.fact
        try:
            fact = self._look_up(key, True)
        except Unavailable:
            if entry is None:
                raise
            # The log may well take events while nobody can tell more about the run.
            fact = entry.fact
        except TrackstreamError:
            self.forget(key)
            raise
        self.add(key, fact)
        return fact

    def last(self, key: str) -> T | None:
        """Return what was seen last, however long ago: for what never changes."""
        entry = self._entries.get(key)
        return None if entry is None else entry.fact

    def add(self, key: str, fact: T) -> None:
        """Note what the caller has just seen or made."""
        with self._lock:
            self._entries[key] = _Entry(fact, self._clock())
            self._entries.move_to_end(key)
            if len(self._entries) > _CAPACITY:
                self._entries.popitem(last=False)

    def forget(self, key: str) -> None:
        """Drop an entry, as what it says is no longer so."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            self._entries.clear()

    def _look_again(self, key: str) -> None:
        before = self._entries.get(key)
        fact: T | None
        try:
            fact = self._look_up(key, False)
        except (NotFound, Unavailable):
            # Not yet projected, or nobody can tell now: neither says that it is gone.
            fact = before.fact if before is not None else None
        except TrackstreamError:
            self.forget(key)
            fact = None
        with self._lock:
            self._in_doubt.discard(key)
            # What was forgotten or renewed meanwhile stays so.
            if fact is not None and self._entries.get(key) is before:
                self._entries[key] = _Entry(fact, self._clock())
