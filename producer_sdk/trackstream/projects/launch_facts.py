"""What a launch's events on the log say, as far as a launcher needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Iterable

_OfTheLauncher = e.LaunchPrepared | e.LaunchStarted | e.LaunchHeartbeat | e.LaunchEnded

_BEFORE = "cancelled before anybody took it"


@dataclass(slots=True)
class LaunchFacts:
    """The state of a launch; see `trackstream_consumers.folds.launch`, which decides."""

    requested: e.LaunchRequested | None = None
    claim_id: str = ""
    host: str = ""
    attempts: int = 0
    """Claims that held."""
    outcome: str = ""
    """How it ended; empty before."""
    lost: bool = False
    reason: str = ""
    exit_code: int | None = None
    cancel_requested: bool = False
    cancel_reason: str = ""
    """As whoever cancelled it has said; may be empty."""


def launch_facts(history: Iterable[e.Event]) -> LaunchFacts:
    """Read a launch's events, in log order; one that a producer appended again changes nothing."""
    facts = LaunchFacts()
    highest: dict[str, int] = {}
    for event in history:
        envelope = event.envelope
        if envelope.sequence <= highest.get(envelope.producer_id, -1):
            continue
        highest[envelope.producer_id] = envelope.sequence
        body = event.body
        if facts.lost and isinstance(body, _OfTheLauncher) and body.claim_id == facts.claim_id != "":
            # It was not lost after all.
            facts.outcome, facts.reason, facts.lost = "", "", False
        match body:
            case e.LaunchRequested() as asked if facts.requested is None:
                facts.requested = asked
            case e.LaunchClaimed() as claim if not facts.claim_id and not facts.outcome:
                facts.claim_id, facts.host = claim.claim_id, claim.host
                facts.attempts += 1
            case e.LaunchCancelRequested() as asked_to_end if not facts.outcome:
                facts.cancel_requested = True
                facts.cancel_reason = asked_to_end.reason or facts.cancel_reason
                if not facts.claim_id and facts.requested is not None:
                    facts.outcome = "cancelled"
                    facts.reason = asked_to_end.reason or _BEFORE
            case e.LaunchEnded() as ended if ended.claim_id == facts.claim_id and not facts.outcome:
                facts.outcome = ended.outcome
                facts.reason, facts.exit_code = ended.reason, ended.exit_code
                if ended.outcome == "cancelled":
                    facts.reason = facts.cancel_reason or ended.reason
            case e.LaunchLost() as gone if gone.claim_id == facts.claim_id and not facts.outcome:
                if gone.requeue and _may_be_taken_again(facts):
                    facts.claim_id = ""
                else:
                    facts.outcome = "cancelled" if facts.cancel_requested else "failed"
                    facts.lost = not facts.cancel_requested
                    facts.reason = gone.reason
    return facts


def _may_be_taken_again(facts: LaunchFacts) -> bool:
    most = 1 if facts.requested is None else facts.requested.max_attempts
    return facts.attempts < most and not facts.cancel_requested
