"""Launches that are asked for over HTTP: put into a queue, whose workers execute them.

The server itself executes nothing, and reads no directory for whoever asks: a project is in a git repository,
in an archive at an address, or was sent to a queue before.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trackstream.projects import command_line
from trackstream.projects.launch_run import started_run
from trackstream.projects.queued import DEFAULT_ATTEMPTS, check_for_queue
from trackstream.projects.request import Request
from trackstream.projects.sources.source import parse_uri
from trackstream_api.barrier import reading
from trackstream_api.ingest.launches import check_launch_event
from trackstream_api.launch_queue.packed_project import PREFIX as PACKED
from trackstream_api.launch_queue.packed_project import archive_at, entry_points_in
from trackstream_api.launch_queue.queues import chosen_queue
from trackstream_api.queries import experiments, launches
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import Conflict, InvalidInput
from trackstream_schemas.ids import DEFAULT_EXPERIMENT_ID, new_id
from trackstream_schemas.secret_texts import REDACTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream.projects.project_file import EntryPoint
    from trackstream_api.models.launches import Launch, RequestLaunch
    from trackstream_api.store import Store

_REMOTE = frozenset({"http", "https", "ssh", "git", "git+ssh"})
_SCP = re.compile(r"[\w.\-]+@[\w.\-]+:(?!/)[^\s]+")
_GITHUB = re.compile(r"github:[\w.\-]+/[\w.\-]+(#.*)?")
_RIGHT = (
    "a git repository or an archive at an address (https://…, ssh://…, git@host:…, github:owner/repo), or the"
    " launch of one that was sent to a queue; a directory is sent by `trackstream run DIRECTORY --queue`"
)
_TOPICS = (topics.LAUNCHES, topics.EXPERIMENTS, topics.ARTIFACTS, topics.ARTIFACT_BYTES)


def start(store: Store, asked: RequestLaunch, now: int) -> str:
    """Put a launch into a queue and return its id; `now` is in ms.

    Raises InvalidInput for what its workers could not execute, Conflict where this server has no queue or the
    experiment is deleted, NotFound for a launch to repeat or an experiment that is not there.
    """
    with reading(store, _TOPICS):
        before = launches.get(store.engine, asked.retry_of, now) if asked.retry_of else None
        request = _request(asked, before)
        experiment = experiments.get(store.engine, request.experiment_id)
        if experiment.lifecycle_stage != "active":
            raise Conflict(f"experiment {experiment.name!r} is deleted; restore it first")
        archive = archive_at(store.engine, request.uri)
    request.check()
    check_for_queue(request)
    if archive is not None:
        _check_values(entry_points_in(store.blobs, archive), request)
    run = started_run(request, request.experiment_id, asked.run_name, {})
    requested = replace(request, run_id=run.run_id).event()
    check_launch_event(requested)
    # The run first: whoever takes the launch finds it.
    store.producer.emit_and_wait([run, e.RunUpdated(run.run_id, "SCHEDULED")])
    store.producer.emit_and_wait([requested])
    return request.launch_id


def can_start(uri: str) -> bool:
    """Whether a server may put a launch of the project at `uri` into a queue."""
    if uri.startswith(PACKED):
        return parse_uri(uri).kind == "packed"
    if "://" in uri:
        return urlsplit(uri).scheme in _REMOTE
    return bool(_SCP.fullmatch(uri) or _GITHUB.fullmatch(uri))


def _request(asked: RequestLaunch, before: Launch | None) -> Request:
    if before is None and asked.uri is None:
        raise InvalidInput("uri", None, "where the project is, or else retry_of")
    if before is not None and asked.uri is not None and asked.uri != before.uri:
        raise InvalidInput("uri", asked.uri, f"none beside retry_of, which has {before.uri}")
    uri = before.uri if before is not None else str(asked.uri)
    if not can_start(uri):
        raise InvalidInput("uri", uri, _RIGHT)
    queue = chosen_queue(asked.queue, None if before is None else before.queue)
    parameters = asked.parameters
    if parameters is None:
        parameters = {} if before is None else before.parameters
    for name, value in parameters.items():
        if value == REDACTED:
            raise InvalidInput(
                f"parameter {name}", value, "no secret: workers take it from their environment"
            )
    if before is None:
        return Request(
            new_id(),
            "",
            asked.experiment_id or DEFAULT_EXPERIMENT_ID,
            uri,
            asked.entry_point or "main",
            asked.version,
            parameters,
            env_manager=asked.env_manager,
            queue=queue,
            max_attempts=_attempts(asked, None),
        )
    same = before.commit if before.commit and not uri.startswith(PACKED) else before.project_version
    return Request(
        new_id(),
        "",
        asked.experiment_id or before.experiment_id,
        uri,
        asked.entry_point or before.entry_point,
        asked.version or same,
        parameters,
        before.backend,
        json.loads(before.backend_config),
        asked.env_manager or before.env_manager,
        before.docker_args,
        before.storage_dir,
        queue,
        _attempts(asked, before),
        before.launch_id,
    )


def _attempts(asked: RequestLaunch, before: Launch | None) -> int:
    if asked.max_attempts is not None:
        return asked.max_attempts
    return before.max_attempts if before is not None and before.queue is not None else DEFAULT_ATTEMPTS


def _check_values(known: Sequence[EntryPoint], request: Request) -> None:
    """Raise InvalidInput for what the project's own file says against the request."""
    found = next((one for one in known if one.name == request.entry_point), None)
    if found is None:
        names = ", ".join(one.name for one in known) or "none: the project has no entry point"
        raise InvalidInput("entry_point", request.entry_point, f"one of {names}")
    # Whether a path is there is known where it is executed: any that is here stands for it.
    root = Path("/")
    paths = {
        one.name: str(root)
        for one in found.parameters
        if one.type == "path" and (one.default is not None or one.name in request.parameters)
    }
    command_line.arguments(found, {**request.parameters, **paths}, cwd=root, project=root)
