"""Launches through the real Kubernetes client, on a server that takes what the published API allows.

Kubernetes itself does not run here: pods are processes of this machine (`kubernetes_cluster`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.projects.containers import logging_project, shell_project, waiting_project
from tests.integration.projects.docker_engine import DockerEngine
from tests.integration.projects.kubernetes_cluster import KubernetesCluster
from tests.integration.projects.launching import gone, kill, until
from tests.native_stack import skipped_without_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.integration.processes import Server
    from tests.integration.projects.launching import Launcher, Waiting

pytestmark = pytest.mark.integration
JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
TEMPLATE = """
apiVersion: batch/v1
kind: Job
metadata:
  name: "{replaced}"
  labels: {team: blue}
spec:
  backoffLimit: 0
  activeDeadlineSeconds: 600
  template:
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: "{replaced}"
          command: ["{replaced}"]
          resources: {limits: {memory: 512Mi}}
          env:
            - {name: GREETING, value: from the template}
"""


class _Images(dict[str, Any]):
    """Directories of the images that were pushed, and of one that is there anyway."""

    def __init__(self, docker: DockerEngine, place: Path) -> None:
        super().__init__({"as-it-is:1": place})
        self._docker = docker

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._docker.pushed

    def __missing__(self, name: str) -> Path:
        return self._docker.pushed[name].place


@pytest.fixture
def docker(launcher: Launcher, tmp_path: Path) -> Iterator[DockerEngine]:
    """A Docker to build and push images with."""
    with skipped_without_tools(), DockerEngine(tmp_path / "docker", ("base:1",)) as started:
        launcher.variables["DOCKER_HOST"] = started.url
        yield started
    assert started.violations == []


@pytest.fixture
def cluster(launcher: Launcher, docker: DockerEngine, tmp_path: Path) -> Iterator[KubernetesCluster]:
    """A cluster with that Docker's registry; whatever is asked of it must be as published."""
    images: Mapping[str, Path] = _Images(docker, tmp_path)
    with skipped_without_tools(), KubernetesCluster(tmp_path, images) as started:
        launcher.variables["KUBECONFIG"] = str(started.kubeconfig())
        yield started
    assert started.violations == []


def config(tmp_path: Path, server: Server, template: str = TEMPLATE, **more: Any) -> tuple[str, ...]:
    """Write the config, and the template beside it, and return the arguments of `trackstream run`."""
    (tmp_path / "job.yaml").write_text(template)
    content = {
        "kube-context": "here",
        "kube-job-template-path": str(tmp_path / "job.yaml"),
        "repository-uri": "registry:5000/team/box",
        "tracking-uri": server.url,
        **more,
    }
    path = tmp_path / "kubernetes.json"
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    return ("--backend", "kubernetes", "--backend-config", str(path))


def test_a_project_runs_as_a_job(
    launcher: Launcher, server: Server, docker: DockerEngine, cluster: KubernetesCluster, tmp_path: Path
) -> None:
    project = logging_project(tmp_path)
    launcher.variables["COPIED"] = "from here"
    shown = launcher.command("run", str(project), *config(tmp_path, server), "-P", "text=it's $(touch x)")
    assert "of the project it's $(touch x) from the template from here" in shown
    assert "volumes of the docker_env are not mounted" in shown
    (launch,) = json.loads(launcher.command("launches", "list", "-n", "1", "--output", "json"))
    assert (launch["state"], launch["exit_code"], launch["environment"]) == ("finished", 0, "kubernetes")
    assert server.call("GET", f"/api/v1/runs/{launch['run_id']}")["metrics"]["n"]["value"] == 7
    (pushed,) = docker.pushed
    assert launch["image"] == pushed
    assert pushed.startswith("registry:5000/team/box:")

    (created,) = cluster.asked("POST", JOBS)
    assert created.values == {"namespace": "models"}
    assert created.query == {"fieldValidation": "Strict"}
    body = created.body
    assert body["spec"]["suspend"] is True
    assert body["metadata"]["name"].startswith(f"in-a-box-{launch['launch_id']}-")
    assert launch["handle"] == f"job models/{body['metadata']['name']}"
    assert body["metadata"]["labels"] == {
        "team": "blue",
        "trackstream.launch-id": launch["launch_id"],
        "trackstream.run-id": launch["run_id"],
    }
    pod = body["spec"]["template"]["spec"]
    assert (pod["restartPolicy"], body["spec"]["activeDeadlineSeconds"]) == ("Never", 600)
    (container,) = pod["containers"]
    assert (container["image"], container["name"]) == (pushed, "main")
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert (variables["TRACKSTREAM_RUN_ID"], variables["MLFLOW_RUN_ID"]) == (launch["run_id"],) * 2
    assert (variables["TRACKSTREAM_URI"], variables["MLFLOW_TRACKING_URI"]) == (server.url,) * 2
    # Let go once its start is on the log, and removed at the end.
    (let_go,) = cluster.asked("PATCH", f"{JOBS}/{{name}}")
    assert let_go.body == {"spec": {"suspend": False}}
    assert cluster.jobs == {}


def test_a_program_that_fails(
    launcher: Launcher, server: Server, docker: DockerEngine, cluster: KubernetesCluster, tmp_path: Path
) -> None:
    cluster.cut_logs = 1
    project = shell_project(tmp_path, "echo out; sleep 1; echo and on; exit 3", "as-it-is:1")
    template = TEMPLATE.replace("backoffLimit: 0", "ttlSecondsAfterFinished: 600")
    given = config(tmp_path, server, template, **{"build-image": False, "repository-uri": None})
    shown = launcher.command("run", project, *given, code=1)
    assert "exit code 3" in shown
    assert [line for line in shown.splitlines() if line in ("out", "and on")] == ["out", "and on"]
    (launch,) = json.loads(launcher.command("launches", "list", "-n", "1", "--output", "json"))
    assert (launch["state"], launch["exit_code"], launch["image"]) == ("failed", 3, "as-it-is:1")
    # Docker is not needed, and the cluster removes the Job when the template says.
    assert docker.requests == []
    (job,) = cluster.jobs.values()
    assert (job["spec"]["backoffLimit"], job["metadata"]["namespace"]) == (0, "models")


def test_it_is_cancelled(
    launcher: Launcher, server: Server, cluster: KubernetesCluster, waiting: Waiting, tmp_path: Path
) -> None:
    launch_id = launcher.detached(*waiting_project(tmp_path), *config(tmp_path, server))
    pids = waiting.started()
    launcher.command("launches", "cancel", launch_id)
    launch = launcher.ended(launch_id)
    assert launch["state"] == "cancelled"
    assert (tmp_path / "asked").exists()
    until("the end of the Job", lambda: not cluster.jobs and gone(pids))
    first = cluster.asked("DELETE", f"{JOBS}/{{name}}")[0]
    assert first.query["propagationPolicy"] == "Foreground"
    assert "asked to end" in launcher.command("launches", "logs", launch_id)


def test_the_launcher_is_killed(
    launcher: Launcher, server: Server, cluster: KubernetesCluster, waiting: Waiting, tmp_path: Path
) -> None:
    launch_id = launcher.detached(*waiting_project(tmp_path), *config(tmp_path, server))
    pids = waiting.started()
    kill(launcher.supervisor(launch_id))
    until("the end of the Job", lambda: not cluster.jobs and gone(pids))
    launch = launcher.describe(launch_id)
    assert (launch["state"], launch["lost"]) == ("failed", True)


def test_what_an_earlier_attempt_has_left_is_ended_first(
    launcher: Launcher, server: Server, cluster: KubernetesCluster, waiting: Waiting, tmp_path: Path
) -> None:
    """As for a launch of a queue, whose first worker is gone with its machine."""
    from trackstream.projects.backends import kubernetes_client
    from trackstream.projects.backends.kubernetes import end_earlier

    launch_id = launcher.detached(*waiting_project(tmp_path), *config(tmp_path, server))
    pids = waiting.started()
    here = kubernetes_client.connect("here", launcher.variables["KUBECONFIG"])
    assert here.namespace == "models"
    end_earlier(here, "models", launch_id)
    assert cluster.jobs == {}
    assert gone(pids)
    launch = launcher.ended(launch_id)
    assert (launch["state"], launch["exit_code"]) == ("failed", None)
    assert "was deleted by somebody" in launch["reason"]


def test_why_a_pod_waits_is_told(
    launcher: Launcher, server: Server, cluster: KubernetesCluster, tmp_path: Path
) -> None:
    project = shell_project(tmp_path, "true", "nowhere:1")
    given = config(tmp_path, server, **{"build-image": False})
    launch_id = launcher.detached(project, *given)
    output = launcher.folder(launch_id) / "output.log"
    until(
        "the reason",
        lambda: 'waits: ImagePullBackOff: Back-off pulling image "nowhere:1"' in output.read_text(),
    )
    launcher.command("launches", "cancel", launch_id)
    assert launcher.ended(launch_id)["state"] == "cancelled"
    assert cluster.jobs == {}


def test_what_cannot_be_is_told(
    launcher: Launcher, server: Server, cluster: KubernetesCluster, tmp_path: Path
) -> None:
    project = shell_project(tmp_path, "true", "as-it-is:1")
    as_it_is: dict[str, Any] = {"build-image": False}

    bad = TEMPLATE.replace("backoffLimit: 0", "backoffLimit: 3")
    shown = launcher.command("run", project, *config(tmp_path, server, bad), code=2)
    assert "job.yaml:8: spec.backoffLimit: got '3', expected 0, or nothing: nothing of a launch" in shown
    shown = launcher.command("run", project, *config(tmp_path, server, **{"repository-uri": None}), code=2)
    assert "backend config repository-uri" in shown
    given = config(tmp_path, server, **as_it_is, **{"tracking-uri": None})
    assert "not a pod: name an address" in launcher.command("run", project, *given, code=1)
    given = config(tmp_path, server, **as_it_is, **{"kube-context": "nowhere"})
    assert "cannot be listed" in launcher.command("run", project, *given, code=1)
    assert cluster.requests == []

    # What only the cluster knows to be wrong.
    unknown = TEMPLATE.replace("resources:", "resourcez:")
    shown = launcher.command("run", project, *config(tmp_path, server, unknown, **as_it_is), code=1)
    assert "does not take the Job made from" in shown
    assert "containers[0].resourcez: unknown field" in shown
    (violation,) = cluster.violations
    assert "resourcez" in violation
    cluster.violations.clear()
    assert cluster.jobs == {}
