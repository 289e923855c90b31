"""A worker: takes launches of its queue as long as it has room, and executes each in a process of its own."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackstream.projects import lease
from trackstream.projects.backends import backend_named
from trackstream.projects.old_launches import forget_old
from trackstream.projects.recorder import Recorder
from trackstream.projects.recovery import settle_all
from trackstream_api.launch_queue.decision import Drain, Plan, Seen, plan
from trackstream_api.launch_queue.execution import Execution
from trackstream_api.launch_queue.losses import lost_bodies, lost_reason
from trackstream_schemas.errors import InvalidInput, NotFound, StorageFailed, TrackstreamError, Unavailable
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from trackstream.client import Client
    from trackstream_api.launch_queue.board import Board

_LOOK_SECONDS = 1.0
_SOON_SECONDS = 0.1
_LONGEST_AWAY_SECONDS = 30.0
_SETTLE_SECONDS = 5.0
_APPEND_SECONDS = 10.0
_STAGGER_SECONDS = 0.3


@dataclass(slots=True)
class Wishes:
    """What the worker's owner wants; set by others, at any time."""

    stop: bool = False
    """Take nothing more, and end when what runs has ended."""
    cancel: bool = False
    """Cancel what runs, too."""


@dataclass(frozen=True, slots=True)
class _Claim:
    launch_id: str
    leased_at: float


@dataclass(slots=True)
class Worker:
    """Executes launches of the queue that `board` shows; `say` gets a line for each claim and end."""

    client: Client
    board: Board
    parallel: int
    backends: Collection[str]
    """Those whose launches it takes; empty for all that are installed here."""
    wishes: Wishes
    say: Callable[[str], None]
    _claims: dict[str, _Claim] = field(default_factory=dict)
    _doubtful: dict[str, _Claim] = field(default_factory=dict)
    """Claims that the log did not acknowledge: it may still take them."""
    _running: dict[str, Execution] = field(default_factory=dict)
    _asked_to_end: set[str] = field(default_factory=set)
    _executable: dict[str, bool] = field(default_factory=dict)
    _settled_at: float = 0.0
    _drain: Drain = field(default_factory=Drain)

    def work(self, *, drain: bool = False) -> None:
        """Work until that is no longer wished; with `drain` until nothing waits and nothing runs here, nor on
        a worker that may have died.

        While the log cannot be reached it goes on with what it has. Raises the log's other errors, once what
        runs has ended.
        """
        failed: TrackstreamError | None = None
        away = 0.0
        while True:
            self._reap()
            if self.wishes.cancel:
                self._cancel(self._running.keys())
            if self.wishes.stop and not self._running and not (self._claims and away == 0.0):
                break
            self._rest(away)
            try:
                waiting = self._act(self._look())
                empty = drain and self._is_empty(waiting)
            except Unavailable as error:
                if not away:
                    self.say(f"the log is away: {error}")
                away = min(max(1.0, 2 * away), _LONGEST_AWAY_SECONDS)
                continue
            except TrackstreamError as error:
                # What runs here does not die with this.
                self.say(f"takes nothing more: {error}")
                failed, away, self.wishes.stop = error, _LONGEST_AWAY_SECONDS, True
                continue
            if away:
                self.say("the log is back")
                away = 0.0
            if empty:
                break
        if failed is not None:
            raise failed

    def _is_empty(self, waiting: bool) -> bool:
        """Whether nothing waits, nothing runs here, and nothing comes back from others."""
        if waiting or self._running or self._claims:
            self._drain.begin_again()
            return False
        return self._drain.is_over(self.board.unfinished(), self._can_execute)

    def _look(self) -> list[Seen]:
        busy = bool(self._claims) or self.wishes.stop
        # Not all workers at the same moment: most of the claims that lose are not made then.
        pause = _SOON_SECONDS if busy else _LOOK_SECONDS * random.uniform(0.5, 1.0)
        claimed = {claim.launch_id for claim in self._claims.values()}
        return list(self.board.look(pause, claimed, self._running.keys()))

    def _rest(self, seconds: float) -> None:
        """Wait; less where what runs here ends or is to be cancelled meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(_SOON_SECONDS)
            self._reap()
            if self.wishes.stop and (not self._running or self.wishes.cancel):
                return

    def _act(self, seen: list[Seen]) -> bool:
        """Do what is to be done now; returns whether something is left to take."""
        todo = self._plan(seen)
        for launch in todo.execute:
            self._execute(launch)
        # All of the others have lost: the log was read behind them.
        self._claims.clear()
        self._keep_in_hand(todo)
        for launch in todo.lost:
            self._say_lost(launch)
        if todo.claim:
            # Everybody hears of a request at the same moment. Who waits less is seen by the others.
            time.sleep(random.uniform(0, _STAGGER_SECONDS))
            seen = list(self.board.look(0.0, (), self._running.keys()))
            for launch in self._plan(seen).claim:
                self._claim(launch)
        if time.monotonic() - self._settled_at > _SETTLE_SECONDS:
            # Of workers that were killed on this machine it is known without waiting for heartbeats.
            settle_all(self.client.uri)
            self._settled_at = time.monotonic()
        return any(not launch.claim_id and self._can_execute(launch.backend) for launch in seen)

    def _plan(self, seen: list[Seen]) -> Plan:
        running = {launch_id: execution.claim_id for launch_id, execution in self._running.items()}
        free = 0 if self.wishes.stop else self.parallel - len(self._running)
        return plan(seen, {*self._claims, *self._doubtful}, running, free, self._can_execute)

    def _keep_in_hand(self, todo: Plan) -> None:
        for launch in todo.stop:
            self.say(f"stopped {launch.launch_id}: another worker has it")
            self._running[launch.launch_id].kill()
        self._cancel({launch.launch_id for launch in todo.cancel})

    def _cancel(self, launches: Collection[str]) -> None:
        for launch_id in set(launches) - self._asked_to_end:
            self._asked_to_end.add(launch_id)
            self._running[launch_id].cancel()

    def _claim(self, launch: Seen) -> None:
        claim_id, leased_at = new_id(), lease.now()
        heartbeat_s = self.client.settings.launch_heartbeat_s
        recorder = Recorder(self.client, launch.launch_id, launch.run_id, claim_id)
        try:
            self.client.producer.emit_and_wait([recorder.claim(heartbeat_s)], _APPEND_SECONDS)
            self._claims[claim_id] = _Claim(launch.launch_id, leased_at)
        except TrackstreamError as error:
            self._doubtful[claim_id] = _Claim(launch.launch_id, leased_at)
            self.say(f"{launch.launch_id} cannot be claimed: {error}")

    def _execute(self, launch: Seen) -> None:
        settings = self.client.settings
        forget_old(settings.launches_keep_days, settings.launches_keep)
        claim = self._claims.get(launch.claim_id) or self._doubtful.pop(launch.claim_id)
        try:
            request = self.board.request(launch.launch_id)
            execution = Execution(
                request,
                self.client.uri,
                launch.claim_id,
                launch.attempts,
                settings.launch_heartbeat_s,
                claim.leased_at,
            )
        except (StorageFailed, NotFound, OSError) as error:
            self.say(f"{launch.launch_id} cannot be executed here: {error}")
            reason = f"its launcher could not begin: {error}"
            self._emit_lost(launch, reason)
            return
        self._running[launch.launch_id] = execution
        attempt = f"attempt {launch.attempts} of {launch.max_attempts}"
        self.say(f"claimed {launch.launch_id} ({attempt}): {request.uri} {request.entry_point}")

    def _reap(self) -> None:
        for launch_id, execution in list(self._running.items()):
            if not execution.is_over():
                continue
            del self._running[launch_id]
            self._asked_to_end.discard(launch_id)
            took = f"after {time.monotonic() - execution.began_at:.1f} s"
            end = execution.end()
            if end is None:
                self.say(f"gave up {launch_id} {took}")
            else:
                why = f": {end.reason}" if end.reason else ""
                self.say(f"ended {launch_id} {took}: {end.outcome}{why}")

    def _say_lost(self, launch: Seen) -> None:
        self._emit_lost(launch, lost_reason(launch.attempts, launch.max_attempts))
        self.say(
            f"lost {launch.launch_id}: {'it waits again' if launch.may_be_taken_again else 'it is over'}"
        )

    def _emit_lost(self, launch: Seen, reason: str) -> None:
        bodies = lost_bodies(launch, reason, time.time_ns() // 1_000_000)
        with suppress(TrackstreamError):
            # It is seen to be lost again, by this worker or another.
            self.client.producer.emit_and_wait(bodies, _APPEND_SECONDS)

    def _can_execute(self, backend: str) -> bool:
        if self.backends:
            return backend in self.backends
        if backend not in self._executable:
            try:
                backend_named(backend)
                self._executable[backend] = True
            except InvalidInput as error:
                self._executable[backend] = False
                self.say(f"launches are left to other workers: {error}")
        return self._executable[backend]
