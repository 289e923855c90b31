"""The Job that a launch becomes, from a template that the user wrote.

Filled in are the Job's name, its labels, and of its first container the image, the command and the variables,
as MLflow does it (mlflow.projects.kubernetes). It is made suspended: the cluster has then checked and taken
it, and no pod of it exists. Nothing of a launch runs twice: templates that let Kubernetes repeat it are
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream.projects.backends.container_arguments import IDENTITY
from trackstream.projects.backends.docker_image import image_name
from trackstream.projects.errors import ProjectInvalid
from trackstream.projects.yaml_document import Value, as_json, read_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LONGEST_NAME = 63
_REPEATS: dict[tuple[str, ...], tuple[str | int, str]] = {
    ("backoffLimit",): (0, "0, or nothing: nothing of a launch runs twice"),
    ("parallelism",): (1, "1, or nothing: a launch is one program"),
    ("completions",): (1, "1, or nothing: a launch is one program"),
    ("template", "spec", "restartPolicy"): ("Never", "Never, or nothing: nothing of a launch runs twice"),
}
_NOT_TAKEN = ("podFailurePolicy", "backoffLimitPerIndex", "maxFailedIndexes")


def read_template(path: Path) -> dict[str, Any]:
    """Return a Job template as the API has it. Raises ProjectInvalid, which names file, line and field."""
    top = read_document(path)
    if not isinstance(top.content, dict):
        raise top.wrong("Job template", "a Job (apiVersion: batch/v1, kind: Job)")
    for field, right in (("apiVersion", "batch/v1"), ("kind", "Job")):
        given = top.content.get(field)
        if given is None or given.content != right:
            raise (given or top).wrong(field, right)
    _mapping(top, "metadata", needed=False)
    spec = _mapping(top, "spec")
    containers = _containers(spec)
    for name in _NOT_TAKEN:
        refused = _at(spec, (name,))
        if refused is not None:
            raise refused.wrong(f"spec.{name}", "nothing: nothing of a launch runs twice")
    for names, (once, told) in _REPEATS.items():
        found = _at(spec, names)
        if found is not None and as_json(found) != once:
            raise found.wrong(".".join(("spec", *names)), told)
    _check_variables(containers[0])
    found_all: dict[str, Any] = as_json(top)
    return found_all


def job_name(project: str, launch_id: str, suffix: str) -> str:
    """Return a name that no other Job has, that tells the project, and is allowed for labels too."""
    tail = f"-{launch_id}-{suffix}"
    return image_name(project)[: _LONGEST_NAME - len(tail)].rstrip("-") + tail


def template_variables(template: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that the template's first container has; empty where taken from elsewhere."""
    given = _first_container(template).get("env") or ()
    return {str(one["name"]): str(one.get("value", "")) for one in given}


def filled(
    template: Mapping[str, Any],
    *,
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    image: str,
    command: Sequence[str],
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """Return the body of the Job. Variables of the template hold against all but those that name the run."""
    metadata = dict(template.get("metadata") or {})
    metadata.pop("generateName", None)
    metadata.update(name=name, namespace=namespace, labels={**(metadata.get("labels") or {}), **labels})
    spec = dict(template["spec"])
    pod = dict(spec["template"])
    pod_metadata = dict(pod.get("metadata") or {})
    pod_metadata["labels"] = {**(pod_metadata.get("labels") or {}), **labels}
    pod_spec = dict(pod["spec"])
    first = _first_container(template)
    own = [one for one in first.get("env") or () if one["name"] not in IDENTITY]
    known = {one["name"] for one in own}
    added = [{"name": key, "value": value} for key, value in variables.items() if key not in known]
    container = {**first, "image": image, "command": list(command), "env": [*own, *added]}
    # They would be added to the command.
    container.pop("args", None)
    container.setdefault("name", "program")
    pod_spec.update(containers=[container, *pod_spec["containers"][1:]], restartPolicy="Never")
    pod.update(metadata=pod_metadata, spec=pod_spec)
    spec.update(template=pod, suspend=True, backoffLimit=0)
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def first_container_name(body: Mapping[str, Any]) -> str:
    """Return the name of the container that the program runs in."""
    return str(_first_container(body).get("name", "program"))


def _first_container(template: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["spec"]["template"]["spec"]["containers"][0]
    return found


def _containers(spec: Value) -> list[Value]:
    pod = _mapping(spec, "template", "spec.")
    _mapping(pod, "metadata", "spec.template.", needed=False)
    inner = _mapping(pod, "spec", "spec.template.")
    field = "spec.template.spec.containers"
    given = inner.mapping(field).get("containers")
    if given is None:
        raise inner.wrong(field, "a list of containers, the first of which the program runs in")
    containers = given.items(field)
    if not containers:
        raise given.wrong(field, "at least one container")
    for number, one in enumerate(containers):
        if not one.mapping(f"{field}[{number}]") and number:
            raise one.wrong(f"{field}[{number}]", "a container")
    return containers


def _check_variables(container: Value) -> None:
    field = "spec.template.spec.containers[0].env"
    content = container.mapping(field)
    for number, one in enumerate(content["env"].items(field) if "env" in content else ()):
        named = one.mapping(f"{field}[{number}]")
        if "name" not in named:
            raise one.wrong(f"{field}[{number}]", "a name")
        named["name"].text(f"{field}[{number}].name")


def _mapping(value: Value, name: str, prefix: str = "", *, needed: bool = True) -> Value:
    content = value.mapping(prefix.rstrip(".") or "Job template")
    found = content.get(name)
    if found is None:
        if needed:
            raise ProjectInvalid(value.path, value.line, f"{prefix}{name}", None, "a mapping (name: value)")
        return Value(value.path, value.line, {})
    found.mapping(f"{prefix}{name}")
    return found


def _at(value: Value, names: Sequence[str]) -> Value | None:
    found: Value | None = value
    for name in names:
        content = found.content if found is not None else None
        found = content.get(name) if isinstance(content, dict) else None
    return found
