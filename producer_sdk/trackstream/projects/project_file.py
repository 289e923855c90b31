"""The project format: MLflow's `MLproject` file, or a directory without one.

Source: mlflow.projects._project_spec. What differs: errors name file and line, parameters may be of type
`int`, and a `requirements.txt` is an environment too.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING, Literal, cast, get_args

from trackstream.projects import command_line, shell_template
from trackstream.projects.errors import ProjectInvalid
from trackstream.projects.near_names import did_you_mean
from trackstream.projects.yaml_document import Value, read_document
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ParameterType = Literal["string", "float", "int", "path", "uri"]
PARAMETER_TYPES: tuple[ParameterType, ...] = get_args(ParameterType)
EnvironmentKind = Literal["python_env", "conda_env", "requirements"]
FILE_NAME = "MLproject"
MAIN = "main"
_BESIDE: tuple[tuple[str, EnvironmentKind], ...] = (
    ("python_env.yaml", "python_env"),
    ("conda.yaml", "conda_env"),
    ("requirements.txt", "requirements"),
)
_ENVIRONMENTS = ("python_env", "conda_env", "docker_env")
_DOCKER_KEYS = ("image", "dockerfile", "volumes", "environment")
_KEYS = ("name", *_ENVIRONMENTS, "entry_points")
_SCRIPTS = {".py": "python", ".sh": "bash"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an entry point; without a default it must be given."""

    name: str
    type: ParameterType = "string"
    default: str | None = None


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A command with `{name}` for each of its parameters' values."""

    name: str
    command: str
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """The file that says what the program needs."""

    kind: EnvironmentKind
    path: Path


@dataclass(frozen=True, slots=True)
class DockerEnvironment:
    """The container that the project wants to run in."""

    image: str = ""
    dockerfile: Path | None = None
    """A file of the project that the image is built from, where none is named."""
    volumes: tuple[str, ...] = ()
    environment: tuple[tuple[str, str | None], ...] = ()
    """Names with values; None copies the launcher's."""


@dataclass(frozen=True, slots=True)
class Project:
    """What can be launched from `directory`."""

    name: str
    directory: Path
    entry_points: Mapping[str, EntryPoint] = field(default_factory=dict)
    environment: EnvironmentFile | None = None
    docker: DockerEnvironment | None = None

    def entry_point(self, name: str) -> EntryPoint:
        """Return an entry point, or a script of the project as one. Raises InvalidInput, which lists them."""
        if name in self.entry_points:
            return self.entry_points[name]
        path = self.directory / name
        command = _SCRIPTS.get(path.suffix)
        inside = path.resolve().is_relative_to(self.directory.resolve())
        if command is not None and inside and path.is_file():
            # A name that begins with a dash would be an option.
            script = f"./{name}" if name.startswith("-") else name
            return EntryPoint(name, f"{command} {_braces_kept(shlex.quote(script))}")
        known = self._known()
        if not known:
            raise InvalidInput("entry point", name, "that of a project: this directory has none")
        raise InvalidInput("entry point", name, f"one of {', '.join(known)}{did_you_mean(name, known)}")

    def _known(self) -> list[str]:
        scripts = sorted(path.name for path in self.directory.iterdir() if path.suffix in _SCRIPTS)
        return [*self.entry_points, *scripts]


def load_project(directory: Path, root: Path | None = None) -> Project:
    """Read the project in `directory`, a part of the tree at `root` (default: `directory` itself).

    Raises ProjectInvalid, which names file and line, and InvalidInput.
    """
    inside = (root or directory).resolve()
    path = _project_file(directory, inside)
    if path is None:
        return Project(directory.resolve().name, directory, {}, _beside(directory, inside))
    top = read_document(path)
    content = top.mapping("project")
    for name, value in content.items():
        if name not in _KEYS:
            raise ProjectInvalid(path, value.line, "key", name, f"one of {', '.join(_KEYS)}")
    named = [name for name in _ENVIRONMENTS if name in content]
    if len(named) > 1:
        second = content[named[1]]
        raise ProjectInvalid(path, second.line, named[1], "a second environment", f"only {named[0]}")
    project_name = content["name"].text("name") if "name" in content else directory.resolve().name
    entry_points = _entry_points(content)
    if "docker_env" in content:
        return Project(project_name, directory, entry_points, None, _docker(content["docker_env"], directory))
    if named:
        named_file = _named_file(named[0], content[named[0]], directory, inside)
        return Project(project_name, directory, entry_points, named_file)
    return Project(project_name, directory, entry_points, _beside(directory, inside))


def read_entry_points(path: Path) -> dict[str, EntryPoint]:
    """Return what a project file alone says can be launched. Raises ProjectInvalid and InvalidInput."""
    return _entry_points(read_document(path).mapping("project"))


def _entry_points(content: Mapping[str, Value]) -> dict[str, EntryPoint]:
    if "entry_points" not in content:
        return {}
    given = content["entry_points"].mapping("entry_points")
    return {name: _entry_point(name, value) for name, value in given.items()}


def _project_file(directory: Path, inside: Path) -> Path | None:
    found = sorted(path for path in directory.iterdir() if path.name.lower() == FILE_NAME.lower())
    files = [path for path in found if path.is_file()]
    path = next((path for path in files if path.name == FILE_NAME), files[0] if files else None)
    return None if path is None else _not_a_way_out(path, inside)


def _beside(directory: Path, inside: Path) -> EnvironmentFile | None:
    for name, kind in _BESIDE:
        if (directory / name).is_file():
            return EnvironmentFile(kind, _not_a_way_out(directory / name, inside))
    return None


def _not_a_way_out(path: Path, inside: Path) -> Path:
    if not path.resolve().is_relative_to(inside):
        raise InvalidInput(path.name, str(path), "a file inside the project, not a link that leads outside")
    return path


def _named_file(kind: str, value: Value, directory: Path, inside: Path) -> EnvironmentFile:
    return EnvironmentFile(cast("EnvironmentKind", kind), _file_inside(kind, value, directory, inside))


def _file_inside(field: str, value: Value, directory: Path, inside: Path) -> Path:
    path = directory / value.text(field, "the path of a file of the project")
    if not path.resolve().is_relative_to(inside):
        raise value.wrong(field, "a file inside the project")
    if not path.is_file():
        raise value.wrong(field, "a file that exists in the project")
    return path


def _entry_point(name: str, value: Value) -> EntryPoint:
    where = f"entry_points.{name}"
    content = value.mapping(where)
    for key, item in content.items():
        if key not in ("parameters", "command"):
            raise ProjectInvalid(item.path, item.line, f"{where} key", key, "parameters or command")
    if "command" not in content:
        raise value.wrong(where, "a command")
    given = content["parameters"].mapping(f"{where}.parameters") if "parameters" in content else {}
    parameters = tuple(_parameter(f"{where}.parameters.{key}", key, item) for key, item in given.items())
    command = content["command"].text(f"{where}.command", "a command line")
    _check_template(content["command"], where, command, [parameter.name for parameter in parameters])
    return EntryPoint(name, command, parameters)


def _parameter(where: str, name: str, value: Value) -> Parameter:
    if not name.isidentifier():
        raise ProjectInvalid(value.path, value.line, where, name, "letters, digits and underscores")
    if isinstance(value.content, str):
        return Parameter(name, _type(where, value))
    content = value.mapping(where)
    for key, item in content.items():
        if key not in ("type", "default"):
            raise ProjectInvalid(item.path, item.line, f"{where} key", key, "type or default")
    kind = _type(f"{where}.type", content["type"]) if "type" in content else "string"
    default = content["default"].content if "default" in content else None
    if isinstance(default, dict | list):
        raise content["default"].wrong(f"{where}.default", "one value")
    return Parameter(name, kind, default)


def _type(where: str, value: Value) -> ParameterType:
    for known in PARAMETER_TYPES:
        if value.content == known:
            return known
    raise value.wrong(where, f"one of the types {', '.join(PARAMETER_TYPES)}")


def _check_template(value: Value, where: str, command: str, names: list[str]) -> None:
    try:
        fields = [(name, spec, how) for _, name, spec, how in Formatter().parse(command) if name is not None]
    except ValueError as error:
        right = "{name} for each parameter, and {{ or }} for a brace itself"
        raise value.wrong(f"{where}.command", f"{right} ({error})") from error
    for name, spec, how in fields:
        if name not in names or spec or how:
            known = ", ".join(f"{{{known}}}" for known in names) or "no parameter, since it declares none"
            right = f"only {known}; a brace itself is written {{{{ or }}}}"
            raise ProjectInvalid(value.path, value.line, f"{where}.command", f"{{{name}}}", right)
    try:
        shell_template.check(command_line.template_of(command)[0])
    except shell_template.NotSafe as error:
        raise value.wrong(f"{where}.command", str(error)) from error


def _docker(value: Value, directory: Path) -> DockerEnvironment:
    content = value.mapping("docker_env")
    for key, item in content.items():
        if key not in _DOCKER_KEYS:
            right = f"one of {', '.join(_DOCKER_KEYS)}"
            raise ProjectInvalid(item.path, item.line, "docker_env key", key, right)
    if ("image" in content) == ("dockerfile" in content):
        raise value.wrong("docker_env", "an image, or a dockerfile that it is built from")
    volumes = content["volumes"].items("docker_env.volumes") if "volumes" in content else []
    given = content["environment"].items("docker_env.environment") if "environment" in content else []
    image, dockerfile = "", None
    if "image" in content:
        image = content["image"].text("docker_env.image")
        if image.startswith("-") or any(character.isspace() for character in image):
            raise content["image"].wrong("docker_env.image", "the name of an image, such as python:3.12-slim")
    else:
        # Docker sees the project's directory alone.
        dockerfile = _file_inside(
            "docker_env.dockerfile", content["dockerfile"], directory, directory.resolve()
        )
    return DockerEnvironment(
        image,
        dockerfile,
        tuple(item.text("docker_env.volumes", 'texts such as "/host:/container"') for item in volumes),
        tuple(_variable(item) for item in given),
    )


def _variable(value: Value) -> tuple[str, str | None]:
    right = 'a NAME that is copied from the launcher, or ["NAME", "value"]'
    if isinstance(value.content, list):
        if len(value.content) != 2 or not isinstance(value.content[1].content, str):
            raise value.wrong("docker_env.environment", right)
        return value.content[0].text("docker_env.environment", right), value.content[1].content
    return value.text("docker_env.environment", right), None


def _braces_kept(command: str) -> str:
    return command.replace("{", "{{").replace("}", "}}")
