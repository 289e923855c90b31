"""Programs as Jobs of a Kubernetes cluster, through the official client.

The image is built and pushed from here, as MLflow does it, or used as it is (`build-image: false`). The Job
is made suspended: so the cluster has taken it before its start is on the log, and no pod exists until then.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream.projects.backends import kubernetes_job, left_over
from trackstream.projects.backends.container_arguments import (
    ADDRESSES,
    IDENTITY,
    LAUNCH_LABEL,
    RUN_LABEL,
    addresses,
    asked_variables,
    placed,
    shell_command,
)
from trackstream.projects.backends.container_config import builds, check_config, image_for, named_reference
from trackstream.projects.backends.docker_client import check_installed
from trackstream.projects.backends.docker_client import connect as connect_docker
from trackstream.projects.backends.docker_image import pushed
from trackstream.projects.backends.kubernetes_client import REQUEST_TIMEOUT, connect, kubeconfig_path, told
from trackstream.projects.backends.kubernetes_program import KubernetesProgram, delete_job
from trackstream.projects.backends.port import Ready
from trackstream.projects.errors import EnvironmentFailed
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.projects.backends.kubernetes_client import Cluster
    from trackstream.projects.backends.port import Work
    from trackstream.projects.environments.tools import Tools
    from trackstream.projects.request import Request

_TEMPLATE = "kube-job-template-path"
_REPOSITORY = "repository-uri"
_CONFIG = ("kube-context", _TEMPLATE, _REPOSITORY, "namespace", "image", "build-image", "tracking-uri")
"""The first three are MLflow's."""
_MLFLOW_ADDRESS = "KUBE_MLFLOW_TRACKING_URI"
"""Where programs in a cluster find the server; MLflow's name."""
_EARLIER_SECONDS = 60.0


class KubernetesBackend:
    """Runs a project's command in a Job made from a template."""

    def check(self, request: Request) -> None:
        check_installed("kubernetes")
        config = request.backend_config
        if request.env_manager is not None:
            raise InvalidInput("env_manager", request.env_manager, "none: a container brings its environment")
        if request.docker_args:
            right = "none: what a pod gets beside is written in the Job template"
            raise InvalidInput("docker arguments", sorted(request.docker_args), right)
        check_config(config, _CONFIG)
        needed = [_TEMPLATE, *((_REPOSITORY,) if config.get("build-image", True) else ())]
        for name in needed:
            if name not in config:
                right = {
                    _TEMPLATE: "the path of a Job template",
                    _REPOSITORY: "where the image is pushed to, such as registry:5000/team/project; or"
                    ' "build-image": false, which uses the image as it is',
                }[name]
                raise InvalidInput(f"backend config {name}", None, right)
        if config.get("build-image", True):
            check_installed("docker")
        here = Path(config[_TEMPLATE]).expanduser()
        if here.is_file():
            kubernetes_job.read_template(here)

    def prepare(self, work: Work, tools: Tools) -> Ready:
        template = _template(work)
        cluster = connect(work.request.backend_config.get("kube-context"), kubeconfig_path())
        where = _addresses(work, template)
        if where.only_here is not None:
            raise EnvironmentFailed(
                f"the program would log to {where.only_here}, which only this machine itself reaches, not a"
                " pod: name an address that the cluster reaches as tracking-uri in the backend config, or as"
                f" {ADDRESSES[0]} of the container in the Job template"
            )
        files = placed(work, code_inside=builds(work)).files
        if files:
            right = "a file of the project, or a parameter of type uri: a pod has no files of this machine"
            raise InvalidInput("parameters of type path", ", ".join(files), right)
        docker = work.project.docker
        if docker is not None and docker.volumes:
            tools.say("the volumes of the docker_env are not mounted: write them in the Job template")
        image = _image(work, tools)
        return Ready("kubernetes", None, image, (template, cluster, image))

    def start(self, work: Work, ready: Ready, output: Path) -> KubernetesProgram:
        template, cluster, image = ready.details
        config = work.request.backend_config
        launch_id = work.request.launch_id
        asked = config.get("namespace") or (template.get("metadata") or {}).get("namespace")
        namespace = str(asked or cluster.namespace)
        end_earlier(cluster, namespace, launch_id)
        name = kubernetes_job.job_name(work.project.name, launch_id, secrets.token_hex(2))
        body = kubernetes_job.filled(
            template,
            name=name,
            namespace=namespace,
            labels={LAUNCH_LABEL: launch_id, RUN_LABEL: work.request.run_id},
            image=image,
            command=shell_command(placed(work, code_inside=builds(work)).work),
            variables=_variables(work, template),
        )
        found_by = {
            "job": name,
            "namespace": namespace,
            "context": config.get("kube-context"),
            "kubeconfig": kubeconfig_path(),
        }
        left_over.note(work.folder, "kubernetes", found_by)
        container, kept = kubernetes_job.first_container_name(body), "ttlSecondsAfterFinished" in body["spec"]
        program = KubernetesProgram(cluster, namespace, name, container, kept, work.folder, output)
        try:
            with told(f"the cluster does not take the Job made from {config[_TEMPLATE]}"):
                cluster.batch.create_namespaced_job(
                    namespace, body, field_validation="Strict", _request_timeout=REQUEST_TIMEOUT
                )
        except BaseException:
            program.close()
            raise
        return program

    def end_left_over(self, found_by: Mapping[str, Any]) -> None:
        cluster = connect(found_by["context"], found_by["kubeconfig"])
        delete_job(cluster, str(found_by["namespace"]), str(found_by["job"]), "Background")


def _template(work: Work) -> dict[str, Any]:
    """Read the template: a path from where the launch was asked for, else one of the project's."""
    written = Path(work.request.backend_config[_TEMPLATE]).expanduser()
    inside = work.project.directory / written
    if not written.is_file() and not inside.is_file():
        right = "a file, here or in the project"
        raise InvalidInput(f"backend config {_TEMPLATE}", str(written), right)
    return kubernetes_job.read_template(written if written.is_file() else inside)


def _image(work: Work, tools: Tools) -> str:
    if not builds(work):
        reference = named_reference(work)
        if reference is None:
            right = "true, since the docker_env names no image but a Dockerfile"
            raise InvalidInput("backend config build-image", False, right)
        return reference
    client = connect_docker()
    try:
        repository = str(work.request.backend_config[_REPOSITORY])
        return pushed(client, image_for(client, work, repository, tools), tools)
    finally:
        client.close()


def _addresses(work: Work, template: Mapping[str, Any]) -> Any:
    given = {
        **asked_variables(work.project.docker, os.environ),
        **kubernetes_job.template_variables(template),
    }
    configured = work.request.backend_config.get("tracking-uri") or os.environ.get(_MLFLOW_ADDRESS)
    return addresses(work, given, configured)


def _variables(work: Work, template: Mapping[str, Any]) -> dict[str, str]:
    given = asked_variables(work.project.docker, os.environ)
    ours = {name: work.variables[name] for name in IDENTITY}
    return {"PYTHONUNBUFFERED": "1", **given, **_addresses(work, template).variables, **ours}


def end_earlier(cluster: Cluster, namespace: str, launch_id: str) -> None:
    """End what an earlier attempt at this launch, perhaps another machine's, has left in the cluster."""
    deadline = time.monotonic() + _EARLIER_SECONDS
    while True:
        with told(f"the Jobs of {namespace} cannot be listed"):
            found = cluster.batch.list_namespaced_job(
                namespace, label_selector=f"{LAUNCH_LABEL}={launch_id}", _request_timeout=REQUEST_TIMEOUT
            ).items
        if not found:
            return
        if time.monotonic() > deadline:
            names = ", ".join(job.metadata.name for job in found)
            raise EnvironmentFailed(f"an earlier attempt's Job does not end: {names}")
        for job in found:
            if job.metadata.deletion_timestamp is None:
                delete_job(cluster, namespace, job.metadata.name, "Foreground")
        time.sleep(1.0)
