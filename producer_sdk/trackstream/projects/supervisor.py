"""The process that executes one launch, in a session of its own: it outlives whoever asked for it.

    python -m trackstream.projects.supervisor DIRECTORY

DIRECTORY is the launch's (`launch_folder`); its lock is an inherited file descriptor. Whatever happens is put
on the log as it happens; how it ended is kept in the directory first, so that it is not lost with this
process. SIGTERM, SIGINT and SIGHUP cancel the launch, SIGUSR1 and SIGUSR2 are passed on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream.client import Client
from trackstream.projects import command_line
from trackstream.projects.environments.tools import Tools
from trackstream.projects.errors import LaunchCancelled
from trackstream.projects.launch_folder import End, LaunchFolder
from trackstream.projects.lease import Lease, SignsOfLife
from trackstream.projects.preparation import prepare
from trackstream.projects.recorder import Recorder
from trackstream.projects.recovery import may_be_taken_again
from trackstream.projects.request import from_json
from trackstream.projects.submitted import CANCELS
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.projects.backends.port import Program
    from trackstream.projects.launch_facts import LaunchFacts
    from trackstream.projects.request import Request

GRACE_SECONDS = 15.0
"""How long a program that was asked to end may take."""
_LOOK_SECONDS = 0.5
_ASK_SECONDS = 3.0
_FIRST_UPLOAD_SECONDS = 5.0
_CLOSE_SECONDS = 60.0
_PASSED_ON = (signal.SIGUSR1, signal.SIGUSR2)
_CUT_OFF = "its launcher could not reach the log for too long, and ended it so that another can take it"
_TAKEN = "another launcher has taken it"


class Supervisor:
    """Executes the launch of a folder whose lock this process holds."""

    def __init__(self, folder: LaunchFolder, client: Client, spec: dict[str, Any]) -> None:
        self._folder = folder
        self._spec = spec
        self._request: Request = from_json(spec["request"])
        self._heartbeat_s = float(spec["heartbeat_s"])
        self._client = client
        request = self._request
        self.recorder = Recorder(client, request.launch_id, request.run_id, str(spec["claim_id"]))
        self._stop = threading.Event()
        self._stop_signal: int = signal.SIGTERM
        self._why = ""
        self._given_up = ""
        # Of a launch that nobody else will take a log that is away for long is no reason to end it.
        again = may_be_taken_again(spec)
        self._lease = Lease(self._heartbeat_s, float(spec["leased_at"])) if again else None
        self._over = threading.Event()
        self._program: Program | None = None
        self._values: Mapping[str, str] = {}

    def watch_signals(self) -> None:
        """Have signals cancel the launch or reach its program."""
        for number in CANCELS:
            signal.signal(
                number, lambda number, _: self.cancel(f"signal {signal.Signals(number).name}", number)
            )
        for number in _PASSED_ON:
            signal.signal(number, lambda number, _: self._pass_on(number))
        self._folder.note_pid(os.getpid())
        self._look_for_a_request()

    def cancel(self, why: str, number: int = signal.SIGTERM) -> None:
        """Have the launch end soon; from any thread."""
        if not self._stop.is_set():
            self._why, self._stop_signal = why, number
            self._stop.set()

    def _give_up(self, why: str) -> None:
        """Have the program killed, since another launcher may execute the launch."""
        self._given_up = why
        self.cancel(why)

    def _look_for_a_request(self) -> None:
        asked = self._folder.asked_to_end()
        if asked is not None:
            self.cancel(f"signal {signal.Signals(asked).name}", asked)

    def _pass_on(self, number: int) -> None:
        if self._program is not None:
            self._program.send(number)

    def execute(self) -> End:
        """Execute the launch and record all of it; returns how it ended."""
        if self._request.queue is not None:
            self.recorder.taken()
        watcher = threading.Thread(target=self._watch, name="trackstream-launch", daemon=True)
        signs = SignsOfLife(self.recorder, self._heartbeat_s, self._lease, lambda: self._give_up(_CUT_OFF))
        watcher.start()
        signs.start()
        try:
            end = self._attempt()
        finally:
            self._over.set()
        if self._given_up:
            self.recorder.lost(self._given_up, requeue=True)
            return End("failed", None, self._given_up)
        self._folder.note_end(end)
        if end.outcome == "cancelled":
            end = self.recorder.with_its_reason(end)
            self._folder.note_end(end)
        watcher.join()
        # A long log takes a while; nobody is to take the launch meanwhile.
        self._upload()
        self.recorder.parameters(self._values)
        queued = self._request.queue is not None
        # Of a launch that another has by now there is nothing to say here.
        if not queued or self.recorder.holds() is not False:
            self.recorder.ended(end)
        if queued:
            self._client.flush(_CLOSE_SECONDS)
        signs.stop()
        return end

    def _attempt(self) -> End:
        with self._folder.output.open("ab") as output:
            tools = Tools(output, self._stop)
            try:
                return self._executed(tools)
            except LaunchCancelled:
                return End("cancelled", None, self._why)
            except TrackstreamError as error:
                tools.say(f"Error: {error}")
                return End("failed", None, str(error))
            # A launch must end truthfully whatever goes wrong in here.
            except Exception as error:  # noqa: BLE001
                traceback.print_exc()
                tools.say(f"Error: unexpected {type(error).__name__}: {error}")
                return End("failed", None, f"unexpected {type(error).__name__}: {error}")

    def _executed(self, tools: Tools) -> End:
        with ExitStack() as opened:
            cwd = Path(self._spec["cwd"])
            made = prepare(self._request, cwd, self._folder, self._client.uri, opened, tools)
            tools.check()
            work = made.work
            self.recorder.prepared(work.project.name, made.found, made.ready)
            self._values = made.given
            shown = command_line.shown_command_of(work.entry_point, work.arguments)
            tools.say(f"{work.project.name}: {shown}")
            program = made.backend.start(work, made.ready, self._folder.output)
            try:
                self.recorder.started(program.handle, shown)
                self._program = program
                self._check_that_it_is_ours()
                tools.check()
                program.begin()
                return self._waited_for(program)
            finally:
                self._program = None
                program.close()

    def _waited_for(self, program: Program) -> End:
        kill_at: float | None = None
        while True:
            code = program.wait(_LOOK_SECONDS)
            if code is not None:
                break
            if self._given_up or (kill_at is not None and time.monotonic() > kill_at):
                program.kill()
            elif self._stop.is_set() and kill_at is None:
                program.send(self._stop_signal)
                kill_at = time.monotonic() + GRACE_SECONDS
        if self._stop.is_set():
            return End("cancelled", code, self._why)
        if code == 0:
            return End("finished", 0)
        return End("failed", code, _exit_text(code))

    def _check_that_it_is_ours(self) -> None:
        """Give up a launch of a queue, its program still waiting, that another may have taken meanwhile."""
        if self._request.queue is not None and self.recorder.holds() is False:
            self._give_up(_TAKEN)
        if self._lease is not None and self._lease.is_over():
            self._give_up(_CUT_OFF)

    def _watch(self) -> None:
        """Look whether somebody cancelled, and upload what was printed."""
        now = time.monotonic()
        ask_at, upload_at = now + _ASK_SECONDS, now + _FIRST_UPLOAD_SECONDS
        pause, uploaded = _FIRST_UPLOAD_SECONDS, 0
        while not self._over.wait(max(0.0, min(ask_at, upload_at) - time.monotonic())):
            now = time.monotonic()
            if now >= ask_at:
                self._look_for_a_request()
                began = time.monotonic()
                facts = self.recorder.facts()
                if facts is not None and facts.cancel_requested:
                    self.cancel("cancelled by request")
                if facts is not None and facts.lost:
                    # This machine slept, or was cut off.
                    self.recorder.still_here()
                elif facts is not None and self._request.queue is not None:
                    self._check_claim(facts)
                # A long history takes longer to read, and is then asked for less often.
                ask_at = time.monotonic() + max(_ASK_SECONDS, 20 * (time.monotonic() - began))
            if now >= upload_at:
                size = self._folder.output.stat().st_size
                if size > uploaded:
                    self._upload()
                    uploaded = size
                    # Each upload is the whole log: with growing pauses a long one is not uploaded too often.
                    pause *= 1.5
                upload_at = now + pause

    def _check_claim(self, facts: LaunchFacts) -> None:
        if facts.claim_id != self._spec["claim_id"] and not self._over.is_set():
            self._give_up(_TAKEN)

    def _upload(self) -> None:
        try:
            if self._folder.output.stat().st_size:
                self.recorder.upload_log(self._folder.output)
        except (TrackstreamError, OSError):
            # The launch itself is none the worse for it; the file is still here.
            traceback.print_exc()


def _exit_text(code: int) -> str:
    if code < 0:
        try:
            return f"the program was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"the program was ended by signal {-code}"
    return f"the program ended with exit code {code}"


def main(path: str) -> int:
    """Execute the launch in a directory and return 0 where it finished well."""
    folder = LaunchFolder(Path(path))
    spec = folder.spec()
    try:
        client = Client(spec["uri"])
    except TrackstreamError as error:
        # Whoever comes next puts it on the log.
        folder.note_end(End("failed", None, f"the log cannot be opened: {error}"))
        return 1
    supervisor = Supervisor(folder, client, spec)
    supervisor.watch_signals()
    end = supervisor.execute()
    report = client.close(_CLOSE_SECONDS)
    # What a spool holds is forwarded by whoever comes next.
    if report.complete or any(report.spooled):
        folder.note_recorded()
    if end.outcome == "finished":
        folder.forget_project()
    return 0 if end.outcome == "finished" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
