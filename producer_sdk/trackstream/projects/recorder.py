"""What a launcher says of its launch, on the log."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.entity_history import run_facts
from trackstream.projects.launch_facts import LaunchFacts, launch_facts
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import TrackstreamError
from trackstream_schemas.secret_texts import redacted, without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.client import Client
    from trackstream.projects.backends.port import Ready
    from trackstream.projects.launch_folder import End
    from trackstream.projects.sources.source import Fetched

GIT_COMMIT = "mlflow.source.git.commit"
GIT_REPOSITORY = "mlflow.gitRepoURL"
PROJECT_ENVIRONMENT = "mlflow.project.env"
"""Names of MLflow's (mlflow.utils.mlflow_tags)."""
ENVIRONMENT_KEY = "trackstream.environment"
DIRTY = "trackstream.source.git.dirty"
DIRECTORY = "trackstream.source.git.directory"
"""Where in its tree a project is; "." for the tree itself."""
_MAX_REASON = 2000
_RUN_STATUS: dict[str, e.RunStatus] = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


class Recorder:
    """Writes the events of one launch under one claim."""

    def __init__(self, client: Client, launch_id: str, run_id: str, claim_id: str) -> None:
        self._client = client
        self._launch_id = launch_id
        self._run_id = run_id
        self._claim_id = claim_id

    def claim(self, heartbeat_s: float) -> e.LaunchClaimed:
        """Return the event that takes the launch for this process."""
        return e.LaunchClaimed(
            self._launch_id, self._claim_id, socket.gethostname(), os.getpid(), heartbeat_s
        )

    def prepared(self, project: str, fetched: Fetched, ready: Ready) -> None:
        """Say what will be executed, of the launch and of its run."""
        body = e.LaunchPrepared(
            self._launch_id,
            self._claim_id,
            project,
            ready.environment,
            fetched.source,
            fetched.commit,
            fetched.dirty,
            ready.environment_key,
            ready.image,
        )
        tags = {PROJECT_ENVIRONMENT: ready.environment}
        if fetched.commit is not None:
            tags[GIT_COMMIT] = fetched.commit
            tags[DIRTY] = str(bool(fetched.dirty)).lower()
            tags[DIRECTORY] = fetched.directory.resolve().relative_to(fetched.root.resolve()).as_posix()
        if "://" in fetched.source:
            tags[GIT_REPOSITORY] = fetched.source
        if ready.environment_key is not None:
            tags[ENVIRONMENT_KEY] = ready.environment_key
        self._emit(body, e.TagsSet(self._run_id, tags))

    def parameters(self, values: Mapping[str, str]) -> None:
        """Log the values that the program got as the run's params, but for those that it has logged itself.

        So this comes at its end: 1 and 1.0 are two values, and what it logs must not be refused.
        """
        try:
            history = self._client.history(topics.RUNS, self._run_id)
        except TrackstreamError:
            history = None
        known = run_facts(history).params if history is not None else {}
        missing = {name: value for name, value in redacted(values).items() if name not in known}
        if missing:
            self._emit(e.ParamsLogged(self._run_id, missing))

    def started(self, handle: str, command: str) -> None:
        """Say that the program begins, and wait until that is on the log (or in this machine's spool)."""
        self._emit(e.LaunchStarted(self._launch_id, self._claim_id, handle, command))
        self._client.flush()

    def heartbeat(self) -> None:
        """Say that this launcher is alive."""
        self._client.producer.emit(e.LaunchHeartbeat(self._launch_id, self._claim_id))

    def heartbeat_and_wait(self, timeout: float) -> None:
        """Likewise, and wait until that is on the log, at most so many seconds. Raises the log's errors."""
        self._client.producer.emit_and_wait([e.LaunchHeartbeat(self._launch_id, self._claim_id)], timeout)

    def still_here(self) -> None:
        """Say that a launch that was given up as lost goes on, and its run with it."""
        body = e.LaunchHeartbeat(self._launch_id, self._claim_id)
        self._emit(e.RunUpdated(self._run_id, "RUNNING"), body)

    def with_its_reason(self, end: End) -> End:
        """Return the end of a launch that was cancelled with the reason that somebody has given for that."""
        facts = self.facts()
        return replace(end, reason=facts.cancel_reason) if facts is not None and facts.cancel_reason else end

    def ended(self, end: End) -> None:
        """Say how the launch ended, and its run with it."""
        reason = without_credentials(end.reason)[:_MAX_REASON]
        body = e.LaunchEnded(self._launch_id, self._claim_id, end.outcome, end.exit_code, reason)
        self._emit(e.RunUpdated(self._run_id, _RUN_STATUS[end.outcome], _now()), body)

    def lost(self, reason: str, *, requeue: bool = False) -> None:
        """Say that whoever executed the launch is gone; `requeue` where another may take it."""
        body = e.LaunchLost(self._launch_id, self._claim_id, reason, requeue)
        if not requeue:
            self._emit(e.RunUpdated(self._run_id, "FAILED", _now()), body)
            return
        holds = self.holds()
        if holds:
            self._emit(e.RunUpdated(self._run_id, "SCHEDULED"), body)
        elif holds is None:
            # Another may have it already, and its run goes on.
            self._emit(body)

    def taken(self) -> None:
        """Say that the run of a launch that waited in a queue goes on."""
        self._emit(e.RunUpdated(self._run_id, "RUNNING"))

    def holds(self) -> bool | None:
        """Return whether the log says that this claim holds; None where it cannot be asked (now)."""
        facts = self.facts()
        if facts is None:
            return None
        # Who was given up as lost may come back.
        return facts.claim_id == self._claim_id and (facts.lost or not facts.outcome)

    def facts(self) -> LaunchFacts | None:
        """Return what the log says of the launch, or None where it cannot be asked (now)."""
        try:
            history = self._client.history(topics.LAUNCHES, self._launch_id)
        except TrackstreamError:
            return None
        return None if history is None else launch_facts(history)

    def upload_log(self, output: Path) -> None:
        """Log what was printed so far as an artifact of the run."""
        # A copy, since the program goes on writing.
        with tempfile.TemporaryDirectory(prefix="upload-", dir=output.parent) as place:
            copied = shutil.copyfile(output, Path(place, output.name))
            self._client.run(self._run_id).log_artifact(copied, log_folder(self._launch_id))

    def _emit(self, *bodies: e.Body) -> None:
        self._client.producer.emit(*bodies, always=True)


def log_folder(launch_id: str) -> str:
    """Return the run's folder in which the log of a launch is."""
    return f"launches/{launch_id}"


def _now() -> int:
    return time.time_ns() // 1_000_000
