"""Launches whose launcher died on this machine: their end is put on the log by whoever comes next."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from trackstream.projects.backends import left_over
from trackstream.projects.launch_folder import End, folders
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream.projects.launch_folder import LaunchFolder

LOST = "launcher lost: the process that executed it is dead"
_FLUSH_SECONDS = 30.0
_KEEP_SECONDS = 30 * 24 * 3600


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
        asked = facts is None or facts.requested is not None
        if asked and (facts is None or not facts.outcome or (facts.lost and end is not None)):
            if folder.output.exists() and folder.output.stat().st_size:
                recorder.upload_log(folder.output)
            if end is None:
                recorder.lost(LOST + left)
            else:
                recorder.ended(end)
    finally:
        report = client.close(_FLUSH_SECONDS)
    if report.complete or any(report.spooled):
        folder.note_recorded()


def settle_all() -> list[str]:
    """Settle every launch of this machine whose launcher is dead, and forget old ones; returns their ids.

    What cannot be put on a log now is tried again the next time.
    """
    settled = []
    for folder in list(folders()):
        if folder.is_recorded():
            _forget_if_old(folder.path)
        elif not folder.is_held():
            try:
                settle(folder)
                settled.append(folder.launch_id)
            except (TrackstreamError, OSError):
                continue
    return settled


def _forget_if_old(path: Path) -> None:
    try:
        if time.time() - (path / "recorded").stat().st_mtime > _KEEP_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return
