"""Launching a project: the request goes on the log, and a process of its own executes it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream import context_tags
from trackstream.client import Client
from trackstream.projects import marked_processes
from trackstream.projects.backends import backend_named
from trackstream.projects.errors import LaunchCancelled, LaunchFailed
from trackstream.projects.first_look import first_look
from trackstream.projects.launch_folder import folder_of
from trackstream.projects.launch_run import LAUNCH_TAG, chosen_experiment, new_run
from trackstream.projects.old_launches import forget_old
from trackstream.projects.queued import DEFAULT_ATTEMPTS, check_for_queue, check_waiting, enqueue
from trackstream.projects.recorder import Recorder
from trackstream.projects.recovery import settle_all
from trackstream.projects.request import Request, as_json
from trackstream.projects.sources.source import parse_uri
from trackstream.projects.submitted import SubmittedRun
from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger("trackstream")

_CLOSE_SECONDS = 30.0
_DETACHED = '"$@" &'
"""Leaves the process to init, so that nobody here has to wait for its end."""
_NOT_INHERITED = (
    "TRACKSTREAM_EXPERIMENT_NAME",
    "TRACKSTREAM_WRITER",
    "MLFLOW_EXPERIMENT_NAME",
    # A launch that a program asks for is not a part of that program, and outlives it.
    marked_processes.VARIABLE,
)


def run(
    uri: str,
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    backend: str = "local",
    backend_config: Mapping[str, Any] | None = None,
    docker_args: Mapping[str, Any] | None = None,
    storage_dir: str | None = None,
    synchronous: bool = True,
    tracking_uri: str | os.PathLike[str] | None = None,
    retry_of: str | None = None,
    reuse: bool = False,
    queue: str | None = None,
    max_attempts: int | None = None,
) -> SubmittedRun:
    """Launch an entry point of the project at `uri` and return the submitted run.

    `synchronous` waits for its end and raises LaunchFailed or LaunchCancelled where it did not finish well;
    else the launch goes on by itself, also when this process ends. It logs into a new run of the experiment
    (made where there is none of `experiment_name`), or into `run_id`; a run that is active here becomes its
    parent. With `reuse` nothing is launched where the same was done before: the earlier run comes back, with
    `reused` set (see `reuse`). With a `queue` it is executed by one of that queue's workers (`trackstream
    launch-worker`), by another one where that dies, `max_attempts` times at most (DEFAULT_ATTEMPTS). Raises
    InvalidInput, NotFound for an experiment, run or project that is not there, and the log's errors.
    """
    client = Client(tracking_uri)
    try:
        if queue is not None and synchronous:
            check_waiting(client.uri)
        submitted = submit(
            client,
            Request(
                new_id(),
                "" if run_id is None else validate.run_id(run_id),
                "",
                uri,
                entry_point,
                version,
                {str(name): str(value) for name, value in (parameters or {}).items()},
                backend,
                dict(backend_config or {}),
                env_manager,
                {
                    str(name): "" if value is True else str(value)
                    for name, value in (docker_args or {}).items()
                },
                None if storage_dir is None else str(Path(storage_dir).absolute()),
                queue=queue,
                max_attempts=(
                    (1 if queue is None else DEFAULT_ATTEMPTS) if max_attempts is None else max_attempts
                ),
                retry_of=retry_of,
                parent_launch_id=os.environ.get("TRACKSTREAM_LAUNCH_ID") or None,
                user_id=context_tags.user_name(),
            ),
            experiment_name,
            experiment_id,
            run_name,
            reuse=reuse,
        )
    finally:
        client.close(_CLOSE_SECONDS)
    if synchronous:
        raise_unless_finished(submitted)
    return submitted


def raise_unless_finished(submitted: SubmittedRun) -> None:
    """Wait for the end. Raises LaunchFailed or LaunchCancelled where it was not a good one."""
    end = submitted.wait_for_end()
    assert end is not None
    if end.outcome == "cancelled":
        raise LaunchCancelled(f"launch {submitted.launch_id} was cancelled{_because(end.reason)}")
    if end.outcome == "failed":
        raise LaunchFailed(submitted.launch_id, submitted.run_id, f"failed{_because(end.reason)}")


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def submit(
    client: Client,
    request: Request,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    reuse: bool = False,
    warn: bool = True,
) -> SubmittedRun:
    """Launch what is asked for, and return at once; see `run`. `tags` are those of the new run."""
    request.check()
    if request.queue is None:
        backend_named(request.backend).check(request)
    else:
        check_for_queue(request)
    # Of what is wrong as much as possible is told here, where somebody listens.
    for note in first_look(request, Path.cwd()):
        if warn:
            logger.warning("%s", note)
    located = parse_uri(request.uri)
    local = located.kind in ("directory", "archive") and "://" not in located.location
    if local and (request.queue is None or "://" not in request.uri):
        # What is recorded must mean the same from elsewhere.
        inner = f"#{located.subdirectory}" if located.subdirectory else ""
        request = replace(request, uri=f"{located.location}{inner}")
    settle_all()
    forget_old(client.settings.launches_keep_days, client.settings.launches_keep)
    if reuse:
        from trackstream.projects import reuse_of_steps

        if request.run_id:
            raise InvalidInput("run_id", request.run_id, "none beside reuse, which brings its own")
        earlier = reuse_of_steps.earlier_run(client.uri, request)
        if earlier is not None:
            return earlier
    known = client.run(request.run_id).info if request.run_id else None
    if known is not None and run_name is not None:
        raise InvalidInput("run_name", run_name, "none, where the run exists already")
    chosen = chosen_experiment(
        client, experiment_name, experiment_id, None if known is None else known.experiment_id
    )
    bodies: list[e.Body] = []
    if known is None:
        started = new_run(client, request, chosen, run_name, tags)
        bodies.append(started)
        request = replace(request, run_id=started.run_id, experiment_id=chosen)
    else:
        request = replace(request, experiment_id=chosen)
        bodies.append(e.TagsSet(request.run_id, {LAUNCH_TAG: request.launch_id}))
    if request.queue is not None:
        return enqueue(client, request, bodies)
    claim_id, heartbeat_s = new_id(), client.settings.launch_heartbeat_s
    spec = {
        "uri": client.uri,
        "cwd": str(Path.cwd()),
        "claim_id": claim_id,
        "heartbeat_s": heartbeat_s,
        "request": as_json(request),
    }
    folder = folder_of(request.launch_id)
    # The lock comes first: a request on the log whose launcher is dead is found by it.
    lock = folder.create(spec)
    try:
        recorder = Recorder(client, request.launch_id, request.run_id, claim_id)
        client.producer.emit_and_wait([*bodies, request.event(), recorder.claim(heartbeat_s)])
        spawn_supervisor(folder.path, lock)
    finally:
        os.close(lock)
    return SubmittedRun(request.run_id, folder)


def spawn_supervisor(path: Path, lock: int) -> None:
    """Start the process that executes the launch of a directory; it inherits the lock, an open descriptor."""
    started_supervisor(path, lock, ["/bin/sh", "-c", _DETACHED, "sh"]).wait()


def started_supervisor(path: Path, lock: int, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start the process that executes the launch of a directory, in a session of its own, and return it.

    It inherits the lock, an open descriptor. `before` is a program that gets its command as arguments.
    """
    with (path / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            # -P: a docker or yaml that lies where the launch was asked for is not the library.
            [*before, sys.executable, "-P", "-m", "trackstream.projects.supervisor", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if name not in _NOT_INHERITED},
            pass_fds=(lock,),
            start_new_session=True,
        )
