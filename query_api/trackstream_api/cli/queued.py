"""What is shown of a launch that was put into a queue."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream_api.cli.connection import connect, is_address
from trackstream_api.cli.launches_describe import path_of
from trackstream_api.cli.output import say
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trackstream.projects.launch_facts import LaunchFacts
    from trackstream.projects.queued import QueuedRun
    from trackstream_api.cli.api import Api


def follow_queued(submitted: QueuedRun, show: Callable[[bytes], object]) -> None:
    """Tell who takes a launch, and show what it prints, until it is over.

    As it comes where the launch is executed here; else what its launcher has uploaded, which a store that
    nobody serves shows at the end.
    """
    from trackstream.projects.following import follow
    from trackstream.projects.launch_folder import folder_of

    told, here = "", False
    shown = 0
    for facts in submitted.looks():
        if facts is None:
            continue
        said = _what_of(facts)
        if said != told:
            told, shown, here = said, 0, False
            say(f"launch {submitted.launch_id}: {said}")
        folder = folder_of(submitted.launch_id)
        if not here and facts.claim_id and folder.path.suffix == f".{facts.attempts}":
            here = True
            follow(folder, show)
        elif not here and facts.claim_id:
            shown += _show_uploaded(submitted, shown, show, last=bool(facts.outcome))


def _what_of(facts: LaunchFacts) -> str:
    most = facts.requested.max_attempts if facts.requested is not None else 1
    if facts.claim_id:
        return f"taken by {facts.host}, attempt {facts.attempts} of {most}"
    queue = facts.requested.queue if facts.requested is not None else ""
    return f"waits in the queue {queue!r}" + (
        f", {facts.attempts} of {most} attempts gone" if facts.attempts else ""
    )


def _show_uploaded(submitted: QueuedRun, shown: int, show: Callable[[bytes], object], *, last: bool) -> int:
    """Show what was uploaded behind the first `shown` bytes; returns how many bytes that was."""
    from trackstream.directory_server import address_of

    count = 0
    with suppress(TrackstreamError):
        address = submitted.uri if is_address(submitted.uri) else address_of(Path(submitted.uri))
        if address is None and not last:
            return 0
        with connect(address or submitted.uri) as api:
            for piece in printed_since(api, submitted.launch_id, shown):
                show(piece)
                count += len(piece)
    return count


def printed_since(api: Api, launch_id: str, shown: int) -> Iterator[bytes]:
    """Yield what a launch has printed, as far as it is uploaded, behind its first `shown` bytes."""
    with api.stream(f"{path_of(launch_id)}/logs", {}, 300) as answer:
        passed = 0
        for piece in answer.iter_bytes():
            new = piece[max(0, shown - passed) :]
            passed += len(piece)
            if new:
                yield new
