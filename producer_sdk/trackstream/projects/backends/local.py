"""Programs as processes of this machine, each in a group of its own.

A small watchdog beside each kills the whole group when the launcher dies, however it dies, and what has left
the group: a program never runs on unrecorded.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from trackstream.projects.backends import backend_named
from trackstream.projects.backends.port import Ready
from trackstream.projects.environments import environment
from trackstream.projects.errors import EnvironmentFailed
from trackstream.projects.marked_processes import VARIABLE, kill_marked
from trackstream.projects.submitted import CANCELS
from trackstream.projects.watchdog import Watchdog
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream.projects.backends.port import Work
    from trackstream.projects.environments.environment import Environment
    from trackstream.projects.environments.tools import Tools
    from trackstream.projects.request import Request

_GATE = 'read -r _ || exit 125; exec "$@" < /dev/null'
"""Waits for a line on standard input; where the launcher dies before, nothing is executed."""


class LocalBackend:
    """Runs a project's command with bash, in its environment."""

    def check(self, request: Request) -> None:
        if request.docker_args:
            # They are for a project with a docker_env, of which nothing is known yet.
            backend_named("docker").check(replace(request, backend_config={}))
        if request.backend_config:
            raise InvalidInput(
                "backend config", sorted(request.backend_config), "nothing for the local backend"
            )

    def prepare(self, work: Work, tools: Tools) -> Ready:
        if work.request.docker_args:
            right = "none: the program runs in no container, since there is no docker_env or it is not used"
            raise InvalidInput("docker arguments", sorted(work.request.docker_args), right)
        made = environment.prepare(work.project, work.request.env_manager, tools)
        return Ready(made.manager, made.key, None, made)

    def start(self, work: Work, ready: Ready, output: Path) -> LocalProgram:
        made = cast("Environment", ready.details)
        mark = new_id()
        variables = {**os.environ, **work.variables, VARIABLE: mark}
        for name, value in made.variables.items():
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = value
        with output.open("ab") as log:
            try:
                process = subprocess.Popen(
                    ["/bin/sh", "-c", _GATE, "sh", "bash", "-c", work.command()],
                    cwd=work.project.directory,
                    env=variables,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise EnvironmentFailed(f"the program cannot be started: {error}") from error
        return LocalProgram(process, mark)


class LocalProgram:
    """A process group; see `backends.port.Program`."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str) -> None:
        self._process = process
        self._mark = mark
        self._asked_to_end = False
        self._watchdog = Watchdog(process.pid, mark)

    @property
    def handle(self) -> str:
        return f"process {self._process.pid} on {socket.gethostname()}"

    def begin(self) -> None:
        gate = self._process.stdin
        assert gate is not None
        with contextlib.suppress(BrokenPipeError):
            gate.write(b"\n")
            gate.flush()

    def wait(self, timeout: float) -> int | None:
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        # What it left running in its group would write on to the log of a launch that is over.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._asked_to_end:
            kill_marked(self._mark)
        return code

    def send(self, number: int) -> None:
        # What has left the group on purpose may outlive a program that ends by itself.
        self._asked_to_end = self._asked_to_end or number in (*CANCELS, signal.SIGKILL)
        # Not once it was waited for: its number may belong to others then.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def close(self) -> None:
        still_runs = self._process.returncode is None
        self.kill()
        self._watchdog.close()
        self._process.wait()
        if still_runs:
            kill_marked(self._mark)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
