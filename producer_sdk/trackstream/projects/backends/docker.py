"""Programs in containers of the Docker that this machine's client finds, through the package `docker`.

The container is made before the program's start is on the log and started after it. What it is named and
where is noted in the launch's directory first, so that it ends when its launcher dies (`left_over`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from trackstream.projects.backends import left_over
from trackstream.projects.backends.container_arguments import (
    IDENTITY,
    LAUNCH_LABEL,
    PROJECT_LABEL,
    RUN_LABEL,
    addresses,
    asked_variables,
    placed,
    shell_command,
)
from trackstream.projects.backends.container_config import check_config, image_for
from trackstream.projects.backends.docker_arguments import container_options
from trackstream.projects.backends.docker_client import check_installed, connect, docker_host, told
from trackstream.projects.backends.docker_program import DockerProgram, remove
from trackstream.projects.backends.port import Ready
from trackstream.projects.errors import EnvironmentFailed
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trackstream.projects.backends.docker_arguments import ContainerOptions
    from trackstream.projects.backends.docker_image import Image
    from trackstream.projects.backends.port import Work
    from trackstream.projects.environments.tools import Tools
    from trackstream.projects.request import Request

_CONFIG = ("image", "build-image", "tracking-uri")
_HOST_NETWORK = "host"


class DockerBackend:
    """Runs a project's command in a container of the image that its docker_env names."""

    def check(self, request: Request) -> None:
        check_installed("docker")
        if request.env_manager is not None:
            right = "none: a container brings its environment (local, without --backend, runs it without one)"
            raise InvalidInput("env_manager", request.env_manager, right)
        check_config(request.backend_config, _CONFIG)
        container_options(request.docker_args)

    def prepare(self, work: Work, tools: Tools) -> Ready:
        options = container_options(work.request.docker_args)
        where = _addresses(work)
        if where.only_here is not None and (options.network != _HOST_NETWORK or "://" not in where.only_here):
            _tell_unreachable(where.only_here, options, tools)
        client = connect()
        try:
            image = image_for(client, work, None, tools)
        finally:
            client.close()
        return Ready("docker", image.id, image.reference, image)

    def start(self, work: Work, ready: Ready, output: Path) -> DockerProgram:
        client, name = connect(), f"trackstream-{work.request.launch_id}"
        # Another machine's attempt at this launch may have left one; here it has this name.
        remove(client, name)
        left_over.note(work.folder, "docker", {"container": name, "host": docker_host()})
        program = DockerProgram(client, name, work.folder, output)
        try:
            arguments = _container(client, work, cast("Image", ready.details))
            with told(f"the container {name} cannot be made"):
                for warning in client.create_container(name=name, **arguments).get("Warnings") or ():
                    with output.open("ab") as log:
                        log.write(f"[trackstream] Docker warns: {warning}\n".encode())
        except BaseException:
            program.close()
            raise
        return program

    def end_left_over(self, found_by: Mapping[str, Any]) -> None:
        client = connect(str(found_by["host"]))
        try:
            remove(client, str(found_by["container"]))
        finally:
            client.close()


def _container(client: Any, work: Work, image: Image) -> dict[str, Any]:
    """Return the arguments of docker-py's create_container."""
    import docker

    options = container_options(work.request.docker_args)
    inside = placed(work, code_inside=image.has_code)
    docker_env = work.project.docker
    host = {"init": True, **options.host}
    host["binds"] = [*(docker_env.volumes if docker_env is not None else ()), *host.get("binds", ())]
    host["mounts"] = [
        docker.types.Mount(target=path, source=path, type="bind", read_only=True) for path in inside.files
    ]
    container = dict(options.container)
    labels = {
        **container.pop("labels", {}),
        LAUNCH_LABEL: work.request.launch_id,
        RUN_LABEL: work.request.run_id,
        PROJECT_LABEL: work.project.name,
    }
    return {
        "image": image.id,
        "command": shell_command(inside.work),
        "environment": _variables(work),
        "labels": labels,
        "host_config": client.create_host_config(**{name: value for name, value in host.items() if value}),
        **container,
    }


def _given(work: Work) -> dict[str, str]:
    copied = {}
    for name in container_options(work.request.docker_args).copied:
        if name not in os.environ:
            raise InvalidInput("-A env", name, "a variable that is set where the launch is executed")
        copied[name] = os.environ[name]
    return {**asked_variables(work.project.docker, os.environ), **copied}


def _variables(work: Work) -> dict[str, str]:
    given = _given(work)
    ours = {name: work.variables[name] for name in IDENTITY}
    return {"PYTHONUNBUFFERED": "1", **given, **_addresses(work).variables, **ours}


def _addresses(work: Work) -> Any:
    return addresses(work, _given(work), work.request.backend_config.get("tracking-uri"))


def _tell_unreachable(address: str, options: ContainerOptions, tools: Tools) -> None:
    """Say that a program in a container cannot log; raises EnvironmentFailed where nobody has chosen that."""
    told_so = (
        f"the program runs in a container (docker_env) and would log to {address}, which only this machine"
        " itself reaches"
    )
    if "://" not in address:
        raise EnvironmentFailed(f"{told_so}: serve that directory with `trackstream server` first")
    if options.network is not None:
        tools.say(f"{told_so}: what it logs will be lost (-A network={options.network})")
        return
    raise EnvironmentFailed(
        f"{told_so}: -A network=host gives it this machine's network (on Linux); or serve the store on an"
        " address of this machine (`trackstream server --host …`) and launch with that, or with -c"
        ' \'{"tracking-uri": "http://…"}\''
    )
