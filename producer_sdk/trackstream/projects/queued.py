"""Launches that workers take from a queue (`trackstream launch-worker`), as who asks for them sees it."""

from __future__ import annotations

import logging
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trackstream.client import Client
from trackstream.projects.environments.tools import Tools
from trackstream.projects.launch_facts import launch_facts
from trackstream.projects.launch_folder import End, folder_of
from trackstream.projects.project_file import load_project
from trackstream.projects.recorder import log_folder
from trackstream.projects.sources import packed, source
from trackstream.projects.submitted import CANCELS, SubmittedRun
from trackstream_schemas import events as e
from trackstream_schemas import topics, validate
from trackstream_schemas.errors import InvalidInput, TrackstreamError, Unavailable
from trackstream_schemas.kafka_connection import is_kafka
from trackstream_schemas.secret_texts import REDACTED, has_credentials, redacted, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trackstream.projects.launch_facts import LaunchFacts
    from trackstream.projects.request import Request
    from trackstream_schemas.events import LaunchOutcome, RunStatus

logger = logging.getLogger("trackstream")

DEFAULT_QUEUE = "default"
DEFAULT_ATTEMPTS = 3
PROJECT_TAG = "trackstream.project"
DIRECTORY_TAG = "trackstream.project_directory"
_MOST_NAMED = 10
_LOOK_SECONDS = 0.5
_AWAY_SECONDS = 5.0
_ENDED: dict[str, RunStatus] = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


class QueuedRun(SubmittedRun):
    """A launch that some worker executes. What is known of it is what the log says."""

    def __init__(self, run_id: str, launch_id: str, uri: str) -> None:
        super().__init__(run_id, folder_of(launch_id))
        self.uri = uri
        """The log."""
        self._cancel = False

    def facts(self) -> LaunchFacts:
        """Return what the log says now. Raises its errors, and InvalidInput for one that cannot be asked."""
        with closing(Client(self.uri)) as client:
            return self._look(client)

    def wait_for_end(self, timeout: float | None = None) -> End | None:
        """Wait for the end and return how it was; None where `timeout` seconds were over before.

        Goes on while the log cannot be reached. Raises InvalidInput for a log that cannot be asked.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for facts in self.looks():
            end = None if facts is None else end_of(facts)
            if end is not None or (deadline is not None and time.monotonic() >= deadline):
                return end
        return None

    def looks(self) -> Iterator[LaunchFacts | None]:
        """Yield what the log says, again and again, the end last; None while it cannot be reached.

        Raises InvalidInput for a log that cannot be asked.
        """
        with closing(Client(self.uri)) as client:
            while True:
                try:
                    facts = self._look(client)
                except Unavailable:
                    yield None
                    time.sleep(_AWAY_SECONDS)
                    continue
                yield facts
                if facts.outcome:
                    return
                time.sleep(_LOOK_SECONDS)

    def get_status(self) -> RunStatus:
        """Return SCHEDULED while nobody has taken it, then RUNNING, FINISHED, FAILED or KILLED."""
        facts = self.facts()
        if facts.outcome:
            return _ENDED[facts.outcome]
        return "RUNNING" if facts.claim_id else "SCHEDULED"

    def cancel(self) -> None:
        """Ask for its end. It ends at once where nobody has taken it; else the program gets SIGTERM."""
        self._cancel = True
        self.facts()

    def send(self, number: int) -> None:
        """Send a signal to the process that executes it, where that is on this machine.

        One that ends launches also cancels it elsewhere, at the next look at the log.
        """
        self._cancel = self._cancel or number in CANCELS
        SubmittedRun(self.run_id, folder_of(self.launch_id)).send(number)

    def _look(self, client: Client) -> LaunchFacts:
        if self._cancel:
            self._ask_to_end(client)
            self._cancel = False
        return _facts(client, self.launch_id)

    def _ask_to_end(self, client: Client) -> None:
        facts = _facts(client, self.launch_id)
        if facts.outcome or facts.cancel_requested:
            return
        bodies: list[e.Body] = [e.LaunchCancelRequested(self.launch_id, "")]
        if not facts.claim_id:
            # There is nobody else to say so of its run.
            bodies.insert(0, e.RunUpdated(self.run_id, "KILLED", time.time_ns() // 1_000_000))
        client.producer.emit_and_wait(bodies)


def end_of(facts: LaunchFacts) -> End | None:
    """Return how a launch ended, None where it has not."""
    if facts.outcome == "":
        return None
    return End(cast("LaunchOutcome", facts.outcome), facts.exit_code, facts.reason)


def check_for_queue(request: Request) -> None:
    """Raise InvalidInput for what workers elsewhere could not execute as it is asked for."""
    for field, values in (("parameter", request.parameters), ("docker argument", request.docker_args)):
        recorded = redacted(values)
        for name, value in values.items():
            if value != recorded[name] and value:
                right = (
                    "no secret: what a queue's workers get is what the log holds. Give the workers a variable"
                    " of the environment, and let the program read that"
                )
                raise InvalidInput(f"{field} {name}", REDACTED, right)
    if has_credentials(request.uri):
        raise InvalidInput(
            "project URI", REDACTED, "a URL without credentials, which the workers' git has itself"
        )
    located = source.parse_uri(request.uri)
    if located.kind == "archive" and "://" not in request.uri:
        right = "https://… or, on a file system that all workers share, file://…; a directory is sent to them"
        raise InvalidInput("project URI", request.uri, right)
    if located.kind == "directory" and "://" not in request.uri and request.version is not None:
        right = (
            "none for a directory, which is sent as it is; or the repository's https://…, ssh://…, file://…"
        )
        raise InvalidInput("version", request.version, right)


def check_waiting(uri: str) -> None:
    """Raise InvalidInput where a launch on the log at `uri` cannot be waited for."""
    if is_kafka(uri):
        right = (
            "a directory or a server's address to wait for a queue's launch: a log on Kafka cannot be asked."
            " Do not wait (--detach, synchronous=False), and look through a server (`trackstream launches`)"
        )
        raise InvalidInput("tracking URI", uri.partition("?")[0], right)


def enqueue(client: Client, request: Request, bodies: Sequence[e.Body]) -> QueuedRun:
    """Put the events of the run, the files of a local directory and the request on the log.

    Raises InvalidInput for a directory that cannot be sent, and the log's errors; the run has then failed.
    """
    located = source.parse_uri(request.uri)
    with tempfile.TemporaryDirectory(prefix="trackstream-") as place:
        archive = Path(place, packed.NAME)
        sent = located.kind == "directory" and "://" not in request.uri
        if sent:
            found = source.fetch(located, None, Path(place), Path(place), Tools())
            _pack(client, found, archive)
            bodies = [*bodies, _origin(request.run_id, found)]
        waiting = e.RunUpdated(request.run_id, "SCHEDULED")
        client.producer.emit_and_wait([*bodies, waiting])
        try:
            if sent:
                folder = log_folder(request.launch_id)
                client.run(request.run_id).log_artifact(archive, folder)
                request = replace(request, uri=f"runs:/{request.run_id}/{folder}/{packed.NAME}")
                if not client.flush():
                    raise Unavailable("the log did not take the project's files in time")
            client.producer.emit_and_wait([request.event()])
        except TrackstreamError:
            failed = e.RunUpdated(request.run_id, "FAILED", time.time_ns() // 1_000_000)
            client.producer.emit(failed, always=True)
            raise
    return QueuedRun(request.run_id, request.launch_id, client.uri)


def _origin(run_id: str, found: source.Fetched) -> e.TagsSet:
    """Return what tells of a project before a worker has unpacked it."""
    tags = {
        PROJECT_TAG: load_project(found.directory, found.root).name,
        DIRECTORY_TAG: without_credentials(found.source),
    }
    return e.TagsSet(run_id, {key: value[: validate.MAX_TAG_VALUE] for key, value in tags.items()})


def _pack(client: Client, found: source.Fetched, archive: Path) -> None:
    store = None if "://" in client.uri else Path(client.uri)
    secrets = packed.pack(found, archive, Tools(), store)
    if secrets:
        more = f" and {len(secrets) - _MOST_NAMED} more" if len(secrets) > _MOST_NAMED else ""
        logger.warning(
            "not sent to the queue, since they look like secrets: %s%s",
            ", ".join(secrets[:_MOST_NAMED]),
            more,
        )


def _facts(client: Client, launch_id: str) -> LaunchFacts:
    history = client.history(topics.LAUNCHES, launch_id)
    if history is None:
        check_waiting(client.uri)
        raise Unavailable(f"the log at {client.uri} does not answer")
    return launch_facts(history)
