"""The pod of a Job: why it waits, what it prints, how its program ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trackstream.projects.backends.kubernetes_client import CONNECT_SECONDS, REQUEST_TIMEOUT, cluster_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import Event

    from trackstream.projects.backends.kubernetes_client import Cluster

_AGAIN_SECONDS = 1.0
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def selector(job: str) -> str:
    """Return how the pods of a Job are selected; every version of Kubernetes sets this label."""
    return f"job-name={job}"


def pod_of(cluster: Cluster, namespace: str, job: str) -> Any | None:
    """Return the newest pod of a Job, or None."""
    found = cluster.core.list_namespaced_pod(
        namespace, label_selector=selector(job), _request_timeout=REQUEST_TIMEOUT
    )
    pods = sorted(found.items, key=lambda pod: pod.metadata.creation_timestamp or _LONG_AGO)
    return pods[-1] if pods else None


def container_state(pod: Any, container: str) -> Any | None:
    """Return the state of a container, or None before the pod has it."""
    for status in pod.status.container_statuses or ():
        if status.name == container:
            return status.state
    return None


def why_it_waits(pod: Any, container: str) -> str:
    """Return why a container does not run yet; empty where nothing is unusual."""
    state = container_state(pod, container)
    if state is not None and state.waiting is not None:
        told = (state.waiting.reason or "", state.waiting.message or "")
        return "" if told[0] in ("ContainerCreating", "PodInitializing") else ": ".join(filter(None, told))
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return ": ".join(filter(None, (condition.reason, condition.message)))
    return ""


def follow_output(
    cluster: Cluster,
    namespace: str,
    job: str,
    container: str,
    output: Path,
    listening: Event,
    ended: Event,
    closed: Event,
) -> None:
    """Append to `output` what a Job's program prints, or why it waits, until it has ended or `closed` is set.

    Where the cluster is away for a moment, it goes on from where it had stopped. `listening` is set once what
    is printed is being read; `ended` is the Job's own end.
    """
    written, shown = 0, ""
    with output.open("ab", buffering=0) as file:
        while not closed.is_set():
            last = ended.is_set()
            try:
                pod = pod_of(cluster, namespace, job)
                state = container_state(pod, container) if pod is not None else None
                if pod is not None and state is not None and (state.running or state.terminated):
                    skip = written
                    for piece in _printed(cluster, namespace, pod.metadata.name, container, listening):
                        new = piece[skip:]
                        skip = max(0, skip - len(piece))
                        file.write(new)
                        written += len(new)
                    if state.terminated:
                        return
                elif pod is not None and (why := why_it_waits(pod, container)) not in ("", shown):
                    shown = why
                    file.write(f"[trackstream] the pod {pod.metadata.name} waits: {why}\n".encode())
            except cluster_errors():
                # Told by whoever watches the Job.
                pass
            if last:
                return
            ended.wait(_AGAIN_SECONDS)


def _printed(cluster: Cluster, namespace: str, pod: str, container: str, listening: Event) -> Iterator[bytes]:
    """Yield what a container prints, from its start until it ends."""
    answer = cluster.core.read_namespaced_pod_log(
        pod,
        namespace,
        container=container,
        follow=True,
        _preload_content=False,
        _request_timeout=(CONNECT_SECONDS, None),
    )
    listening.set()
    try:
        yield from answer.stream(amt=None, decode_content=False)
    finally:
        answer.release_conn()
