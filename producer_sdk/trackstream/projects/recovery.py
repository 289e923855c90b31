"""Launches whose launcher died on this machine: their end is put on the log by whoever comes next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trackstream.projects.backends import left_over
from trackstream.projects.launch_folder import End, folders
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.projects.launch_folder import LaunchFolder

LOST = "launcher lost: the process that executed it is dead"
_FLUSH_SECONDS = 30.0


def settle(folder: LaunchFolder) -> End:
    """Return how a launch ended whose launcher is gone, once that is on the log.

    A launch whose launcher left no end has failed.
    """
    lock = folder.take()
    end = folder.end()
    if lock is None:
        # Somebody else is at it.
        return end or End("failed", None, LOST)
    try:
        left = _end_left_over(folder)
        known = end or End("failed", None, LOST + left)
        if not folder.is_recorded():
            _record(folder, end, left)
        if end is None:
            folder.note_end(known)
        return known
    finally:
        os.close(lock)


def _end_left_over(folder: LaunchFolder) -> str:
    """End the container or job of a dead launcher; returns what is to be told where that does not succeed."""
    try:
        left_over.end(folder.path)
    except TrackstreamError as error:
        # The note stays: it is tried again with every launch or look at launches.
        return f"; what it had started may still run: {error}"
    left_over.forget(folder.path)
    return ""


def _record(folder: LaunchFolder, end: End | None, left: str) -> None:
    try:
        spec = folder.spec()
        request, claim_id, uri = spec["request"], str(spec["claim_id"]), str(spec["uri"])
        launch_id, run_id = str(request["launch_id"]), str(request["run_id"])
    except (OSError, ValueError, KeyError, TypeError):
        # It died before it had noted what it was to do: then nothing of it is on the log either.
        folder.note_recorded()
        return
    # Not needed where nothing is to be settled, which is nearly always.
    from trackstream.client import Client
    from trackstream.projects.recorder import Recorder

    client = Client(uri)
    try:
        recorder = Recorder(client, launch_id, run_id, claim_id)
        facts = recorder.facts()
        # Of a queue's launch that was given up here another launcher may have the say by now.
        ours = facts is None or facts.claim_id == claim_id
        if ours and (facts is None or not facts.outcome or (facts.lost and end is not None)):
            if folder.output.exists() and folder.output.stat().st_size:
                recorder.upload_log(folder.output)
            if end is None:
                # What may still run must not run beside another attempt.
                recorder.lost(LOST + left, requeue=not left and may_be_taken_again(spec))
            else:
                recorder.ended(end)
    finally:
        report = client.close(_FLUSH_SECONDS)
    if report.complete or any(report.spooled):
        folder.note_recorded()


def may_be_taken_again(spec: Mapping[str, Any]) -> bool:
    """Whether the launch of a directory is one of a queue that another worker may take after this attempt."""
    request = spec["request"]
    return request["queue"] is not None and int(spec["attempt"]) < int(request["max_attempts"])


def settle_all(uri: str | None = None) -> list[str]:
    """Settle every launch of this machine whose launcher is dead; returns their ids.

    With `uri` only those on that log.

    What cannot be put on a log now is tried again the next time.
    """
    settled = []
    for folder in list(folders()):
        if folder.is_recorded():
            if left_over.is_noted(folder.path):
                _end_what_is_noted(folder)
        elif not folder.is_held() and uri in (None, _log_of(folder)):
            try:
                settle(folder)
                settled.append(folder.launch_id)
            except (TrackstreamError, OSError):
                continue
    return settled


def _end_what_is_noted(folder: LaunchFolder) -> None:
    lock = folder.take()
    if lock is not None:
        try:
            _end_left_over(folder)
        finally:
            os.close(lock)


def _log_of(folder: LaunchFolder) -> str | None:
    try:
        return str(folder.spec()["uri"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
