"""The launch aggregate: a project's execution from the request to its end.

    requested ──► preparing ──► ready ──► running ──► finished, failed or cancelled
        ▲             └───────────┴──────────┴─ lost and requeued ─► requested

Of several claims the first one holds. An end is an end; only where a launcher that was given up as lost is
heard of again, the launch goes on from where it was, as long as nobody else has taken it since.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trackstream_consumers.folds.order import conflict, is_repeat
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.position import Position

UNREQUESTED = "unrequested"
REQUESTED = "requested"
_NEVER_CLAIMED = ""
_OfTheLauncher = e.LaunchPrepared | e.LaunchStarted | e.LaunchHeartbeat | e.LaunchEnded
_Claimed = e.LaunchPrepared | e.LaunchStarted | e.LaunchHeartbeat | e.LaunchEnded | e.LaunchLost


@dataclass(frozen=True, slots=True)
class LaunchState:
    """A launch; its state is `unrequested` while only stray events are known. Times are milliseconds, 0 or
    None where it has not come to that.
    """

    launch_id: str
    state: str = UNREQUESTED
    run_id: str = ""
    experiment_id: str = ""
    uri: str = ""
    entry_point: str = ""
    project_version: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    backend: str = ""
    backend_config: str = "{}"
    env_manager: str | None = None
    docker_args: Mapping[str, str] = field(default_factory=dict)
    storage_dir: str | None = None
    queue: str | None = None
    max_attempts: int = 1
    retry_of: str | None = None
    parent_launch_id: str | None = None
    user_id: str = ""
    attempts: int = 0
    """Claims that held."""
    claim_id: str = _NEVER_CLAIMED
    """The claim that holds."""
    host: str = ""
    pid: int = 0
    heartbeat_s: float = 0.0
    cancel_requested: bool = False
    lost: bool = False
    """It has failed because nothing was heard of its launcher any more."""
    project: str = ""
    environment: str = ""
    environment_key: str | None = None
    source: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    image: str | None = None
    handle: str = ""
    command: str = ""
    exit_code: int | None = None
    reason: str = ""
    requested_at: int = 0
    claimed_at: int | None = None
    prepared_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    last_seen: int | None = None
    """When the launcher was heard of last."""
    conflicts: tuple[str, ...] = ()
    applied: Mapping[str, int] = field(default_factory=dict)
    partition: int = 0
    version: int = 0


def fold(state: LaunchState | None, event: e.Event, at: Position) -> LaunchState:
    """Return the launch as it is after `event`; an event that it holds already changes nothing.

    Raises MalformedEvent for an event that is not a launch's.
    """
    envelope, body = event.envelope, event.body
    if not isinstance(body, e.LaunchBody):
        raise MalformedEvent("event", type(body).__name__, "an event of a launch")
    if state is not None and is_repeat(state, envelope, at):
        return state
    before = state or LaunchState(body.launch_id, partition=at.partition)
    return replace(
        _apply(before, envelope, body, at),
        applied={**before.applied, envelope.producer_id: envelope.sequence},
        version=at.offset + 1,
    )


def _apply(state: LaunchState, envelope: e.Envelope, body: e.LaunchBody, at: Position) -> LaunchState:
    if state.lost and isinstance(body, _OfTheLauncher) and body.claim_id == state.claim_id != _NEVER_CLAIMED:
        state = _found(state)
    match body:
        case e.LaunchRequested():
            return _requested(state, envelope, body, at)
        case e.LaunchClaimed():
            return _taken(state, envelope, body, at)
        case e.LaunchCancelRequested():
            return _cancel(state, envelope, body)
        case e.LaunchHeartbeat() if not _holds(state, body):
            return state
        case e.LaunchHeartbeat():
            return replace(state, last_seen=envelope.occurred_at)
        case _ if not _holds(state, body):
            kept = {"state": state.state, "claim_id": state.claim_id}
            return _refused(state, envelope, at, type(body).__name__, kept, {"claim_id": body.claim_id})
        case e.LaunchPrepared():
            return _prepared(state, envelope, body)
        case e.LaunchStarted():
            return replace(
                state,
                state="running",
                handle=body.handle,
                command=body.command,
                started_at=envelope.occurred_at,
                last_seen=envelope.occurred_at,
            )
        case e.LaunchEnded():
            return _ended(state, envelope, body)
        case e.LaunchLost():
            return _lost(state, envelope, body)


def _holds(state: LaunchState, body: _Claimed) -> bool:
    """Whether this is said under the claim that holds, of a launch that has not ended.

    A launch that nobody has taken can only be over.
    """
    if state.state in e.LAUNCH_ENDS or body.claim_id != state.claim_id:
        return False
    return body.claim_id != _NEVER_CLAIMED or isinstance(body, e.LaunchEnded | e.LaunchLost)


def _found(state: LaunchState) -> LaunchState:
    """Return a launch that was not lost after all, as far as it had come."""
    come_to = "preparing" if state.prepared_at is None else "ready"
    return replace(
        state,
        state="running" if state.started_at is not None else come_to,
        lost=False,
        reason="",
        ended_at=None,
    )


def _refused(
    state: LaunchState, envelope: e.Envelope, at: Position, kind: str, kept: object, rejected: object
) -> LaunchState:
    found = conflict(state.conflicts, envelope, at, kind, state.launch_id, kept, rejected)
    return replace(state, conflicts=found)


def _requested(
    state: LaunchState, envelope: e.Envelope, body: e.LaunchRequested, at: Position
) -> LaunchState:
    if state.requested_at:
        return _refused(state, envelope, at, "LaunchRequested", {"uri": state.uri}, {"uri": body.uri})
    return replace(
        state,
        state=REQUESTED if state.state == UNREQUESTED else state.state,
        run_id=body.run_id,
        experiment_id=body.experiment_id,
        uri=body.uri,
        entry_point=body.entry_point,
        project_version=body.project_version,
        parameters=body.parameters,
        backend=body.backend,
        backend_config=body.backend_config,
        env_manager=body.env_manager,
        docker_args=body.docker_args,
        storage_dir=body.storage_dir,
        queue=body.queue,
        max_attempts=body.max_attempts,
        retry_of=body.retry_of,
        parent_launch_id=body.parent_launch_id,
        user_id=body.user_id,
        requested_at=max(envelope.occurred_at, 1),
    )


def _taken(state: LaunchState, envelope: e.Envelope, body: e.LaunchClaimed, at: Position) -> LaunchState:
    if state.state not in (REQUESTED, UNREQUESTED):
        kept = {"state": state.state, "claim_id": state.claim_id, "host": state.host}
        rejected = {"claim_id": body.claim_id, "host": body.host}
        return _refused(state, envelope, at, "LaunchClaimed", kept, rejected)
    return replace(
        state,
        state="preparing",
        attempts=state.attempts + 1,
        claim_id=body.claim_id,
        host=body.host,
        pid=body.pid,
        heartbeat_s=body.heartbeat_s,
        claimed_at=envelope.occurred_at,
        last_seen=envelope.occurred_at,
        # Of an earlier attempt.
        prepared_at=None,
        started_at=None,
        handle="",
        command="",
        reason="",
    )


def _prepared(state: LaunchState, envelope: e.Envelope, body: e.LaunchPrepared) -> LaunchState:
    return replace(
        state,
        state="ready",
        project=body.project,
        environment=body.environment,
        environment_key=body.environment_key,
        source=body.source,
        commit=body.commit,
        dirty=body.dirty,
        image=body.image,
        prepared_at=envelope.occurred_at,
        last_seen=envelope.occurred_at,
    )


def _cancel(state: LaunchState, envelope: e.Envelope, body: e.LaunchCancelRequested) -> LaunchState:
    if state.state in e.LAUNCH_ENDS:
        return state
    if state.state == REQUESTED:
        # Nobody is on it who could be asked to stop.
        return replace(
            state,
            state="cancelled",
            cancel_requested=True,
            reason=body.reason or "cancelled before anybody took it",
            ended_at=envelope.occurred_at,
        )
    return replace(state, cancel_requested=True, reason=body.reason or state.reason)


def _ended(state: LaunchState, envelope: e.Envelope, body: e.LaunchEnded) -> LaunchState:
    asked = state.cancel_requested and state.reason
    return replace(
        state,
        state=body.outcome,
        exit_code=body.exit_code,
        # Why it was cancelled is known better by who asked for that.
        reason=state.reason if body.outcome == "cancelled" and asked else body.reason,
        ended_at=envelope.occurred_at,
        last_seen=envelope.occurred_at,
    )


def _lost(state: LaunchState, envelope: e.Envelope, body: e.LaunchLost) -> LaunchState:
    if body.requeue and state.attempts < state.max_attempts and not state.cancel_requested:
        return replace(state, state=REQUESTED, claim_id=_NEVER_CLAIMED, reason=body.reason)
    if state.cancel_requested:
        # That is what was wanted, whoever brought it about.
        return replace(state, state="cancelled", reason=body.reason, ended_at=envelope.occurred_at)
    return replace(state, state="failed", lost=True, reason=body.reason, ended_at=envelope.occurred_at)
