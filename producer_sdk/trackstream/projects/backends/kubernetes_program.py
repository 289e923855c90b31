"""A program in the pod of a Kubernetes Job."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from trackstream.projects.backends import left_over
from trackstream.projects.backends.kubernetes_client import (
    REQUEST_TIMEOUT,
    cluster_errors,
    said,
    status_of,
    told,
)
from trackstream.projects.backends.kubernetes_pods import (
    container_state,
    follow_output,
    pod_of,
)
from trackstream.projects.errors import EnvironmentFailed

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream.projects.backends.kubernetes_client import Cluster

_AGAIN_SECONDS = 1.0
_LISTENING_SECONDS = 2.5
"""Longer than it takes to see that a pod runs and to read its log."""
_WATCH_SECONDS = 30
_LAST_OUTPUT_SECONDS = 15.0
_GIVE_UP_SECONDS = 300.0
"""How long the cluster may be away before the launch is given up."""
_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)


class KubernetesProgram:
    """A Job that was made suspended; see `backends.port.Program`."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        job: str,
        container: str,
        kept: bool,
        folder: Path,
        output: Path,
    ) -> None:
        """`kept`: the Job has a time after which the cluster removes it by itself, once it has ended."""
        self._cluster = cluster
        self._namespace = namespace
        self._job = job
        self._container = container
        self._kept = kept
        self._folder = folder
        self._output = output
        self._watchdog = left_over.watchdog(folder)
        self._closed = threading.Event()
        self._listening = threading.Event()
        self._ended = threading.Event()
        self._outcome: int | EnvironmentFailed | None = None
        self._sent: int | None = None
        self._away_since: float | None = None
        self._watcher = threading.Thread(target=self._watch, name="trackstream-job", daemon=True)
        self._reader = threading.Thread(target=self._read_output, name="trackstream-pod-log", daemon=True)

    @property
    def handle(self) -> str:
        return f"job {self._namespace}/{self._job}"

    def begin(self) -> None:
        with told(f"the Job {self._job} cannot be let go"):
            self._cluster.batch.patch_namespaced_job(
                self._job,
                self._namespace,
                {"spec": {"suspend": False}},
                field_validation="Strict",
                _request_timeout=REQUEST_TIMEOUT,
            )
        self._watcher.start()
        self._reader.start()

    def wait(self, timeout: float) -> int | None:
        if not self._ended.wait(timeout):
            return None
        self._reader.join(_LAST_OUTPUT_SECONDS)
        if isinstance(self._outcome, EnvironmentFailed):
            raise self._outcome
        return self._outcome

    def send(self, number: int) -> None:
        if number not in _ENDS:
            self._say(f"{signal.Signals(number).name} is not passed on: Kubernetes has no way for it")
            return
        self._sent = number
        if number != signal.SIGKILL and self._reader.is_alive():
            # What a pod has printed is gone with it, and its last words are why people look.
            self._listening.wait(_LISTENING_SECONDS)
        try:
            # The pod gets SIGTERM, and after its terminationGracePeriodSeconds SIGKILL; the Job goes last.
            delete_job(self._cluster, self._namespace, self._job, "Foreground")
        except EnvironmentFailed as error:
            self._say(str(error))

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        try:
            pod = pod_of(self._cluster, self._namespace, self._job)
            if pod is not None:
                self._cluster.core.delete_namespaced_pod(
                    pod.metadata.name,
                    self._namespace,
                    # With 0 it is forgotten at once, whether its processes have ended or not.
                    grace_period_seconds=1,
                    _request_timeout=REQUEST_TIMEOUT,
                )
        except cluster_errors():
            # Gone already, or the cluster is away, which `wait` tells.
            return

    def close(self) -> None:
        self._closed.set()
        try:
            if not (self._kept and isinstance(self._outcome, int)):
                delete_job(self._cluster, self._namespace, self._job, "Background")
        except EnvironmentFailed as error:
            # The note stays, and whoever comes next tries again.
            self._say(str(error))
        else:
            left_over.forget(self._folder)
        for thread in (self._watcher, self._reader):
            if thread.is_alive():
                thread.join(_AGAIN_SECONDS)
        self._watchdog.close()

    def _watch(self) -> None:
        """Follow the Job until it has ended, or is gone."""
        while not self._closed.is_set() and not self._ended.is_set():
            try:
                self._watch_once()
            except cluster_errors() as error:
                if status_of(error) == 404:
                    self._end(self._gone())
                # 410: the watch was too far behind, and begins anew.
                elif status_of(error) != 410:
                    self._note_away(error)
                self._ended.wait(_AGAIN_SECONDS)
            # This thread must not die in silence: the launch would never end.
            except Exception as error:  # noqa: BLE001
                self._end(EnvironmentFailed(f"unexpected {type(error).__name__} from the cluster: {error}"))

    def _watch_once(self) -> None:
        job = self._read()
        self._away_since = None
        if not self._look(job):
            for event in self._events(job.metadata.resource_version):
                if event["type"] == "DELETED" or self._look(event["object"]):
                    break

    def _read(self) -> Any:
        return self._cluster.batch.read_namespaced_job(
            self._job, self._namespace, _request_timeout=REQUEST_TIMEOUT
        )

    def _events(self, version: str) -> Any:
        from kubernetes import watch

        return watch.Watch().stream(
            self._cluster.batch.list_namespaced_job,
            self._namespace,
            field_selector=f"metadata.name={self._job}",
            resource_version=version,
            timeout_seconds=_WATCH_SECONDS,
            _request_timeout=(REQUEST_TIMEOUT[0], 2 * _WATCH_SECONDS),
        )

    def _look(self, job: Any) -> bool:
        """Return whether a Job has ended; then its end is known."""
        for condition in job.status.conditions or ():
            if condition.status == "True" and condition.type in ("Complete", "Failed"):
                self._end(self._exit(condition))
                return True
        return False

    def _exit(self, condition: Any) -> int | EnvironmentFailed:
        """Return the exit code of an ended Job's program, or why there is none."""
        try:
            pod = pod_of(self._cluster, self._namespace, self._job)
        except cluster_errors():
            pod = None
        state = container_state(pod, self._container) if pod is not None else None
        if state is not None and state.terminated is not None:
            code = int(state.terminated.exit_code)
            if code and state.terminated.reason not in (None, "Error"):
                self._say(
                    f"Kubernetes says: {state.terminated.reason} {state.terminated.message or ''}".rstrip()
                )
            # A Job fails for other reasons too, such as a deadline or another container.
            if code or condition.type == "Complete":
                return code
        if condition.type == "Complete":
            return 0
        why = ": ".join(filter(None, (condition.reason, condition.message)))
        return EnvironmentFailed(f"the Job {self._job} failed ({why}); its program left no exit code")

    def _gone(self) -> int | EnvironmentFailed:
        if self._sent is not None:
            return -self._sent
        return EnvironmentFailed(
            f"the Job {self._job} was deleted by somebody; how its program ended is not known"
        )

    def _end(self, outcome: int | EnvironmentFailed) -> None:
        self._outcome = outcome
        self._ended.set()

    def _note_away(self, error: Exception) -> None:
        """Say that the cluster does not answer; after a while give the launch up."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            self._say(f"the cluster does not answer ({said(error)}); trying again")
        elif now - self._away_since > _GIVE_UP_SECONDS:
            text = f"the cluster has not answered for {_GIVE_UP_SECONDS:.0f} s ({said(error)})"
            self._end(EnvironmentFailed(f"{text}; what became of the Job {self._job} is not known"))

    def _read_output(self) -> None:
        follow_output(
            self._cluster,
            self._namespace,
            self._job,
            self._container,
            self._output,
            self._listening,
            self._ended,
            self._closed,
        )

    def _say(self, text: str) -> None:
        with self._output.open("ab") as output:
            output.write(f"[trackstream] {text}\n".encode())


def delete_job(cluster: Cluster, namespace: str, job: str, propagation: str) -> None:
    """Delete a Job with its pods, if it is there. Raises EnvironmentFailed."""
    with told(f"the Job {namespace}/{job} cannot be deleted"):
        try:
            cluster.batch.delete_namespaced_job(
                job, namespace, propagation_policy=propagation, _request_timeout=REQUEST_TIMEOUT
            )
        except cluster_errors() as error:
            if status_of(error) != 404:
                raise
