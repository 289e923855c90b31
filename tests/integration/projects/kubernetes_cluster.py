"""Kubernetes' API as far as launches use it: a Job's pod is a process of this machine."""

from __future__ import annotations

import copy
import json
import signal
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.integration.projects.api_stub import ApiStub, Asked, Reply
from tests.integration.projects.stub_process import StubProcess
from tests.published_api import Published, PublishedApi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

API_SERVER = Published(
    "k8s.io/kubernetes",
    "v1.36.3",
    "api/openapi-spec/swagger.json",
    "h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o=",
)
_JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
_JOB = f"{_JOBS}/{{name}}"
_PODS = "/api/v1/namespaces/{namespace}/pods"
_POD = f"{_PODS}/{{name}}"
_STARTING_S = 0.1


@cache
def cluster_api() -> PublishedApi:
    """Return the API as published."""
    return PublishedApi(json.loads(API_SERVER.path().read_bytes()))


@dataclass(slots=True)
class Pod:
    """A pod as the API shows it, and its process once it runs."""

    shown: dict[str, Any]
    process: StubProcess | None = None


class KubernetesCluster(ApiStub):
    """A cluster that runs the images of `images`, by reference; all others cannot be pulled."""

    def __init__(self, place: Path, images: Mapping[str, Path]) -> None:
        super().__init__(cluster_api())
        self._place = place
        self._images = images
        self._version = 100
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, Pod] = {}
        """Of Jobs by name; a Job has one pod of its own name."""
        self._events: list[tuple[int, str, dict[str, Any]]] = []
        self._changed = threading.Condition(threading.RLock())
        self.routes |= {
            ("POST", _JOBS): self._create,
            ("GET", _JOBS): self._list,
            ("GET", _JOB): self._read,
            ("PATCH", _JOB): self._patch,
            ("DELETE", _JOB): self._delete,
            ("GET", _PODS): self._list_pods,
            ("DELETE", _POD): self._delete_pod,
            ("GET", f"{_POD}/log"): self._log,
        }

    def kubeconfig(self) -> Path:
        """Write and return a kubeconfig with the contexts here (namespace models) and nowhere."""
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "nowhere",
            "clusters": [
                {"name": "stub", "cluster": {"server": f"http://{self.address}"}},
                {"name": "gone", "cluster": {"server": "http://127.0.0.1:1"}},
            ],
            "users": [{"name": "me", "user": {"token": "t"}}],
            "contexts": [
                {"name": "here", "context": {"cluster": "stub", "user": "me", "namespace": "models"}},
                {"name": "nowhere", "context": {"cluster": "gone", "user": "me"}},
            ],
        }
        path = self._place / "kubeconfig"
        path.write_text(json.dumps(text))
        return path

    def refusal(self, status: int, message: str) -> Reply:
        told = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status, "message": message}
        return Reply(status, told)

    def __exit__(self, *_: object) -> None:
        for pod in self.pods.values():
            if pod.process is not None:
                pod.process.kill()
        super().__exit__()

    def _create(self, asked: Asked) -> Reply:
        with self._changed:
            job = copy.deepcopy(asked.body)
            name = job["metadata"]["name"]
            if name in self.jobs:
                return self.refusal(409, f'jobs.batch "{name}" already exists')
            job["metadata"].update(uid=str(uuid4()), creationTimestamp=_now())
            job["status"] = {}
            self.jobs[name] = job
            self._note("ADDED", job)
            self._let_go(job)
            return Reply(201, copy.deepcopy(job))

    def _list(self, asked: Asked) -> Reply:
        with self._changed:
            found = [copy.deepcopy(job) for job in self.jobs.values() if _selected(job, asked.query)]
            if asked.query.get("watch") in ("true", "True"):
                after = int(asked.query["resourceVersion"])
                limit = float(asked.query["timeoutSeconds"])
                return Reply(200, stream=self._watched(asked.query, after, limit))
            about = {"resourceVersion": str(self._version)}
            return Reply(
                200, {"apiVersion": "batch/v1", "kind": "JobList", "metadata": about, "items": found}
            )

    def _watched(self, query: Mapping[str, str], after: int, limit: float) -> Iterator[bytes]:
        deadline = time.monotonic() + limit
        while (left := deadline - time.monotonic()) > 0:
            with self._changed:
                self._changed.wait_for(lambda: self._version > after, left)  # noqa: B023
                events = [one for one in self._events if one[0] > after and _selected(one[2], query)]
                after = self._version
            for _, kind, job in events:
                yield json.dumps({"type": kind, "object": job}).encode() + b"\n"

    def _read(self, asked: Asked) -> Reply:
        with self._changed:
            job = self.jobs.get(asked.values["name"])
            if job is None:
                return self.refusal(404, f'jobs.batch "{asked.values["name"]}" not found')
            return Reply(200, copy.deepcopy(job))

    def _patch(self, asked: Asked) -> Reply:
        with self._changed:
            job = self.jobs.get(asked.values["name"])
            if job is None:
                return self.refusal(404, f'jobs.batch "{asked.values["name"]}" not found')
            job["spec"].update(asked.body["spec"])
            self._note("MODIFIED", job)
            self._let_go(job)
            return Reply(200, copy.deepcopy(job))

    def _delete(self, asked: Asked) -> Reply:
        with self._changed:
            name = asked.values["name"]
            job = self.jobs.get(name)
            if job is None:
                return self.refusal(404, f'jobs.batch "{name}" not found')
            foreground = asked.query.get("propagationPolicy") == "Foreground"
            pod = self.pods.get(name)
            if pod is not None and pod.process is not None and pod.process.exit_code is None:
                process = pod.process
                process.signal(signal.SIGTERM)
                grace = job["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)
                timer = threading.Timer(grace, process.kill)
                timer.daemon = True
                timer.start()
                process.when_ended(timer.cancel)
                process.when_ended(lambda: self._gone(name))
                if foreground:
                    job["metadata"]["deletionTimestamp"] = _now()
                    self._note("MODIFIED", job)
                    return Reply(200, _SUCCESS)
                self._drop_job(name)
                return Reply(200, _SUCCESS)
            self._gone(name)
            return Reply(200, _SUCCESS)

    def _gone(self, name: str) -> None:
        with self._changed:
            self.pods.pop(name, None)
            self._drop_job(name)

    def _drop_job(self, name: str) -> None:
        job = self.jobs.pop(name, None)
        if job is not None:
            self._note("DELETED", job)

    def _list_pods(self, asked: Asked) -> Reply:
        with self._changed:
            found = [
                copy.deepcopy(pod.shown) for pod in self.pods.values() if _selected(pod.shown, asked.query)
            ]
            return Reply(200, {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": found})

    def _delete_pod(self, asked: Asked) -> Reply:
        pod = self.pods.get(asked.values["name"])
        if pod is None:
            return self.refusal(404, f'pods "{asked.values["name"]}" not found')
        if pod.process is not None:
            pod.process.kill()
        return Reply(200, copy.deepcopy(pod.shown))

    def _log(self, asked: Asked) -> Reply:
        pod = self.pods.get(asked.values["name"])
        if pod is None:
            return self.refusal(404, f'pods "{asked.values["name"]}" not found')
        if pod.process is None:
            return self.refusal(400, "the container is waiting to start: ContainerCreating")
        pieces = pod.process.follow(asked.query.get("follow") in ("true", "True"))
        return Reply(200, stream=(piece for _, piece in pieces), content_type="text/plain")

    def _let_go(self, job: dict[str, Any]) -> None:
        name = job["metadata"]["name"]
        if job["spec"].get("suspend") or name in self.pods:
            return
        template = job["spec"]["template"]
        labels = {**template["metadata"]["labels"], "job-name": name, "batch.kubernetes.io/job-name": name}
        about = {"name": name, "namespace": job["metadata"]["namespace"], "labels": labels}
        shown = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**about, "creationTimestamp": _now()},
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        pod = self.pods[name] = Pod(shown)
        image = template["spec"]["containers"][0]["image"]
        if image in self._images:
            self._show(pod, {"waiting": {"reason": "ContainerCreating"}})
            threading.Timer(_STARTING_S, self._run, (pod, name, self._images[image])).start()
        else:
            told = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}
            self._show(pod, {"waiting": told})

    def _run(self, pod: Pod, name: str, image: Path) -> None:
        container = pod.shown["spec"]["containers"][0]
        variables = {one["name"]: one.get("value", "") for one in container["env"]}
        with self._changed:
            pod.process = StubProcess(container["command"], variables, image)
            self._show(pod, {"running": {"startedAt": _now()}})
            pod.shown["status"]["phase"] = "Running"
        pod.process.when_ended(lambda: self._ended(pod, name))

    def _ended(self, pod: Pod, name: str) -> None:
        assert pod.process is not None
        code = pod.process.exit_code or 0
        with self._changed:
            self._show(pod, {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}})
            pod.shown["status"]["phase"] = "Failed" if code else "Succeeded"
            job = self.jobs.get(name)
            if job is None or "deletionTimestamp" in job["metadata"]:
                return
            told = {"status": "True", "lastTransitionTime": _now()}
            if code:
                told |= {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "backoff limit"}
            else:
                told |= {"type": "Complete"}
            job["status"]["conditions"] = [told]
            self._note("MODIFIED", job)

    def _show(self, pod: Pod, state: dict[str, Any]) -> None:
        container = pod.shown["spec"]["containers"][0]
        pod.shown["status"]["containerStatuses"] = [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": "running" in state,
                "restartCount": 0,
                "state": state,
            }
        ]

    def _note(self, kind: str, job: dict[str, Any]) -> None:
        self._version += 1
        job["metadata"]["resourceVersion"] = str(self._version)
        self._events.append((self._version, kind, copy.deepcopy(job)))
        self._changed.notify_all()


_SUCCESS = {"apiVersion": "v1", "kind": "Status", "status": "Success"}


def _selected(thing: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    labels = thing["metadata"].get("labels", {})
    wanted = query.get("labelSelector")
    if wanted and labels.get(wanted.partition("=")[0]) != wanted.partition("=")[2]:
        return False
    named = query.get("fieldSelector")
    return not named or named == f"metadata.name={thing['metadata']['name']}"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
