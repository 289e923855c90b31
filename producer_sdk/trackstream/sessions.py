"""The state behind the fluent functions: clients, active experiment and active runs.

The stack of active runs is the thread's own, as in MLflow; everything else is the process's.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NamedTuple

from trackstream import destination, exit_hooks

if TYPE_CHECKING:
    from trackstream.client import Client
    from trackstream.run import Run
    from trackstream.system_metrics import SystemMetrics
    from trackstream_schemas.events import RunStatus


class ActiveExperiment(NamedTuple):
    """What `set_experiment` was told; a name is looked up again in each store."""

    experiment_id: str | None = None
    name: str | None = None


class ThreadRuns(threading.local):
    """The active runs of a thread."""

    def __init__(self) -> None:
        self.stack: list[Run] = []
        self.top: Run | None = None
        """The last of the stack, at hand for the hot path."""
        self.last: Run | None = None


active = ThreadRuns()
experiment = ActiveExperiment()
_clients: dict[str, Client] = {}
_open_runs: dict[str, Run] = {}
_samplers: dict[str, SystemMetrics] = {}
_resumed_from_settings = False
# Re-entrant: the SIGTERM handler may come while the main thread is in here.
_lock = threading.RLock()


def set_experiment(chosen: ActiveExperiment) -> None:
    """Remember the experiment of later runs."""
    global experiment
    experiment = chosen


def client() -> Client:
    """Return the client of the current tracking URI, opened on first use."""
    uri = destination.tracking_uri()
    known = _clients.get(uri)
    if known is not None:
        return known
    with _lock:
        if uri not in _clients:
            from trackstream.client import Client

            _clients[uri] = Client(uri, settings=destination.settings())
            exit_hooks.install(_finish)
        return _clients[uri]


def clients() -> list[Client]:
    """Return every client in use."""
    return list(_clients.values())


def run_id_to_resume() -> str | None:
    """Return the run id of the settings, the first time."""
    global _resumed_from_settings
    if _resumed_from_settings:
        return None
    _resumed_from_settings = True
    return destination.settings().run_id


def push(run: Run, sampler: SystemMetrics | None) -> None:
    """Make a run the thread's active one."""
    run.finish = end
    active.stack.append(run)
    active.top = run
    active.last = run
    _open_runs[run.run_id] = run
    if sampler is not None:
        _samplers[run.run_id] = sampler


def leave_inherited() -> None:
    """Forget the active runs that a forked child has from its parent: it starts or resumes its own."""
    if active.top is not None and active.top.pid != os.getpid():
        active.stack.clear()
        active.top = None


def end(run: Run, status: RunStatus) -> None:
    """End a run and those started inside it; one that has ended already is left as it is."""
    if run not in active.stack:
        # Ended already, or active in another thread.
        if _open_runs.get(run.run_id) is run:
            _record_end(run, status)
        return
    while active.stack:
        inner = active.stack.pop()
        active.top = active.stack[-1] if active.stack else None
        active.last = inner
        _record_end(inner, status)
        if inner is run:
            return


def _record_end(run: Run, status: RunStatus) -> None:
    _open_runs.pop(run.run_id, None)
    sampler = _samplers.pop(run.run_id, None)
    if sampler is not None:
        sampler.stop()
    run.end(status)
    run.release()
    run.flush()


_STATUS_AT: dict[exit_hooks.Ending, RunStatus] = {
    "exit": "FINISHED",
    "exception": "FAILED",
    "terminated": "KILLED",
}


def _finish(ending: exit_hooks.Ending) -> None:
    """End this process's open runs and send what is buffered."""
    status = _STATUS_AT.get(ending)
    if status is None:
        for each in clients():
            each.flush()
        return
    for run in list(_open_runs.values()):
        # A forked child remembers its parent's runs.
        if run.pid == os.getpid():
            sampler = _samplers.pop(run.run_id, None)
            if sampler is not None:
                sampler.signal_stop()
            run.end(status)
        _open_runs.pop(run.run_id, None)
    for each in clients():
        each.close()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork_in_child)
