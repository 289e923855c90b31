"""Whether what a store rests on (its log, tables, contents, projectors) is there, and why not."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

from trackstream_api.queries.execution import select
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trackstream_api.store import Store

PATIENCE_SECONDS = 5.0
_GOOD_FOR_SECONDS = 2.0
_LAST_KNOWN_GOOD_FOR_SECONDS = 10.0


class Readiness:
    """Asks each part, not more than every 2 s and never twice at once. Thread-safe."""

    def __init__(
        self,
        parts: Mapping[str, Callable[[], object]],
        here: Mapping[str, Callable[[], str | None]] | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """`parts` are calls that raise a TrackstreamError as long as the part is not there. Those of `here`
        return at once what is wrong within this process, or None."""
        self._here = here or {}
        self._parts = {name: _Part(name, ask) for name, ask in parts.items()}
        self._patience = patience

    def stop(self) -> None:
        """Ask nothing more, and wait for the answers that are under way: the store is about to be closed."""
        deadline = time.monotonic() + self._patience
        for part in self._parts.values():
            part.stop(max(0.0, deadline - time.monotonic()))

    def troubles(self) -> dict[str, str]:
        """Return what each part says that is not there; one that gives no answer in time is not either."""
        asked = {name: part.asked(_GOOD_FOR_SECONDS) for name, part in self._parts.items()}
        deadline = time.monotonic() + self._patience
        found = {}
        for name, answer in asked.items():
            trouble = _answer(answer, max(0.0, deadline - time.monotonic()), self._patience)
            if trouble is not None:
                found[name] = trouble
        return found | self._troubles_here()

    def last_troubles(self) -> dict[str, str]:
        """Return what is known of it without waiting, and have it found out anew where that is old."""
        found = {}
        for name, part in self._parts.items():
            part.asked(_LAST_KNOWN_GOOD_FOR_SECONDS)
            if part.last is not None:
                found[name] = part.last
        return found | self._troubles_here()

    def parts(self) -> tuple[str, ...]:
        """Return the parts' names."""
        return (*self._parts, *self._here)

    def _troubles_here(self) -> dict[str, str]:
        told = ((name, ask()) for name, ask in self._here.items())
        return {name: trouble for name, trouble in told if trouble is not None}


class _Part:
    def __init__(self, name: str, ask: Callable[[], object]) -> None:
        self._name = name
        self._ask = ask
        self._turn = threading.Lock()
        self._since = float("-inf")
        self._answer: Future[str | None] | None = None
        self._stopped = False
        self.last: str | None = None
        """The trouble in the last answer that came."""

    def stop(self, seconds: float) -> None:
        with self._turn:
            self._stopped = True
        if self._answer is not None:
            wait([self._answer], seconds)

    def asked(self, good_for: float) -> Future[str | None]:
        """Return the answer that is on its way, or not older than `good_for` seconds."""
        with self._turn:
            now = time.monotonic()
            if self._stopped:
                self._answer = self._answer or _done(self.last)
            elif self._answer is None or (self._answer.done() and now - self._since >= good_for):
                self._answer, self._since = Future(), now
                # A thread of its own: a part that hangs must not keep the others from being asked.
                arguments = (self._answer,)
                name = f"trackstream-ready-{self._name}"
                threading.Thread(target=self._find_out, args=arguments, name=name, daemon=True).start()
            return self._answer

    def _find_out(self, answer: Future[str | None]) -> None:
        trouble = None
        try:
            self._ask()
        except TrackstreamError as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001 - told to whoever asks, by name
            trouble = f"{type(error).__name__}: {error}"
        self.last = trouble
        answer.set_result(trouble)


def _done(trouble: str | None) -> Future[str | None]:
    answer: Future[str | None] = Future()
    answer.set_result(trouble)
    return answer


def readiness_of(store: Store) -> Readiness:
    """Return what asks the parts of a store."""
    return Readiness(
        {
            "log": store.barrier.log_end,
            "tables": lambda: select(store.engine, "SELECT 1", {}),
            "contents": store.blobs.check,
        },
        {"projectors": lambda: store.failure() or store.waiting()},
    )


def _answer(answer: Future[str | None], seconds: float, patience: float) -> str | None:
    try:
        return answer.result(seconds)
    except TimeoutError:
        return f"no answer within {patience:g} s"
