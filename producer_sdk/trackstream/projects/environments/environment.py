"""The environments that programs run in: made once for each content, shared by all who want the same.

A directory of the cache is named for the hash of all that went into it. It is built under a lock; a mark, put
down last, tells that it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trackstream.projects.environments.requirements import Requirements, absolute_line, read_requirements
from trackstream.projects.errors import EnvironmentFailed
from trackstream.projects.file_lock import taken
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trackstream.projects.environments.tools import Tools
    from trackstream.projects.project_file import EnvironmentFile, Project

EnvironmentManager = Literal["virtualenv", "uv", "conda", "local"]
MANAGERS: tuple[EnvironmentManager, ...] = ("virtualenv", "uv", "conda", "local")
_READY = "trackstream-ready.json"
_LAYOUT = 1
"""Changes when environments are made in another way."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a program finds its interpreter; `variables` are to be set, None removes one."""

    manager: EnvironmentManager
    path: Path | None = None
    key: str | None = None
    variables: Mapping[str, str | None] = field(default_factory=dict)


def check_manager(manager: str | None) -> EnvironmentManager | None:
    """Return a manager by its name. Raises InvalidInput."""
    for known in MANAGERS:
        if manager == known:
            return known
    if manager is None:
        return None
    raise InvalidInput("env_manager", manager, f"one of {', '.join(MANAGERS)}")


def cache_directory() -> Path:
    """Return where trees and environments are kept: `trackstream` in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trackstream"


def chosen_manager(project: Project, wanted: str | None) -> EnvironmentManager:
    """Return how a project's environment is made: as asked for, else as its file says."""
    manager = check_manager(wanted)
    if manager is not None:
        return manager
    if project.environment is None:
        return "local"
    return "conda" if project.environment.kind == "conda_env" else "virtualenv"


def identity(project: Project, wanted: str | None) -> tuple[EnvironmentManager, str | None]:
    """Return what would make a project's environment, and the hash of all that it is made of; makes nothing.

    The hash is None for `local`. Raises like `prepare` for files that are wrong and a Python that is missing.
    """
    manager = chosen_manager(project, wanted)
    file = project.environment
    if manager == "local" or file is None:
        return "local", None
    requirements = read_requirements(file)
    if manager == "conda":
        return manager, _conda_key(file, requirements)
    python = _uv_python(requirements) if manager == "uv" else find_python(requirements.python)
    return manager, _key(manager, python, requirements, file)


def prepare(project: Project, wanted: str | None, tools: Tools, cache: Path | None = None) -> Environment:
    """Return the environment of a project, made where it is not there yet.

    Raises ProjectInvalid, EnvironmentFailed where a tool is missing or fails, LaunchCancelled.
    """
    manager = chosen_manager(project, wanted)
    file = project.environment
    if manager == "local" or file is None:
        return local_environment()
    place = (cache or cache_directory()) / "environments"
    if manager == "conda":
        return _conda(file, place, tools)
    requirements = read_requirements(file)
    if requirements.ignored:
        tools.say(f"not installed, since only conda has them: {', '.join(requirements.ignored)}")
    python = _uv_python(requirements) if manager == "uv" else find_python(requirements.python)
    if manager == "uv":
        _tool("uv", "--env-manager virtualenv or local")
    key = _key(manager, python, requirements, file)

    def make(path: Path) -> None:
        if manager == "uv":
            _make_with_uv(path, python, requirements, file, tools)
        else:
            _make_with_venv(path, python, requirements, file, tools)

    path = _made(place, f"{manager}-{key[:32]}", make, tools)
    return Environment(manager, path, key, _activated(path))


def local_environment() -> Environment:
    """Return the environment that the launcher itself runs in."""
    folder = str(Path(sys.executable).parent)
    return Environment("local", None, None, {"PATH": _path_with(folder)})


def find_python(wanted: str | None) -> str:
    """Return an interpreter of a version (3, 3.11 or 3.11.7; None: the launcher's own).

    Of a version in full the release may differ. Raises EnvironmentFailed where none is installed.
    """
    parts = wanted.split(".")[:2] if wanted is not None else []
    if all(int(part) == own for part, own in zip(parts, sys.version_info, strict=False)):
        # Not the launcher's virtual environment, whose packages are its own.
        return str(getattr(sys, "_base_executable", None) or sys.executable)
    minor = ".".join(parts)
    found = shutil.which(f"python{minor}")
    if found is None:
        raise EnvironmentFailed(
            f"the project wants Python {wanted}, and there is no python{minor} on the PATH: install it, or"
            " use --env-manager uv, which fetches it, or --env-manager local"
        )
    return found


def _uv_python(requirements: Requirements) -> str:
    return requirements.python or ".".join(map(str, sys.version_info[:2]))


def _tool(name: str, instead: str) -> str:
    # One that pip has installed beside this interpreter need not be on the PATH.
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise EnvironmentFailed(f"{name} is not installed on this machine; install it, or use {instead}")
    return found


def _key(manager: str, python: str, requirements: Requirements, file: EnvironmentFile) -> str:
    """Return the hash of everything that an environment is made of."""
    relative = any(
        line.lstrip().startswith((".", "-e", "--editable", "file:")) for line in requirements.packages
    )
    parts = [
        _LAYOUT,
        manager,
        python,
        platform.machine(),
        platform.system(),
        requirements.build,
        requirements.packages,
        requirements.included,
        # What is installed from the project's own directory is that directory's alone.
        str(file.path.parent.resolve()) if relative else "",
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _made(place: Path, name: str, make: Callable[[Path], None], tools: Tools) -> Path:
    """Return the directory `name`, made by `make` where it is not whole; one process at a time makes it."""
    place.mkdir(parents=True, exist_ok=True)
    path = place / name
    with (place / f"{name}.lock").open("w") as lock, contextlib.closing(lock):
        if not taken(lock):
            tools.say(f"another launch makes the environment {name}: waiting for it")
            while not taken(lock):
                tools.pause()
        if (path / _READY).exists():
            return path
        shutil.rmtree(path, ignore_errors=True)
        tools.say(f"making the environment {path}")
        try:
            make(path)
            (path / _READY).write_text(json.dumps({"name": name}))
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
    return path


def _make_with_venv(
    path: Path, python: str, requirements: Requirements, file: EnvironmentFile, tools: Tools
) -> None:
    tools.run([python, "-m", "venv", str(path)])
    inner = str(path / "bin" / "python")
    for lines in (requirements.build, requirements.packages):
        if lines:
            listed = _listed(path, lines, file.path.parent.absolute())
            quiet = ("--disable-pip-version-check", "--no-input")
            tools.run(
                [inner, "-m", "pip", "install", *quiet, "-r", str(listed)], file.path.parent, _isolated()
            )


def _make_with_uv(
    path: Path, python: str, requirements: Requirements, file: EnvironmentFile, tools: Tools
) -> None:
    uv = _tool("uv", "--env-manager virtualenv or local")
    tools.run([uv, "venv", "--python", python, str(path)])
    inner = str(path / "bin" / "python")
    for lines in (requirements.build, requirements.packages):
        if lines:
            listed = _listed(path, lines, file.path.parent.absolute())
            command = [uv, "pip", "install", "--python", inner, "-r", str(listed)]
            tools.run(command, file.path.parent, _isolated())


def _conda(file: EnvironmentFile, place: Path, tools: Tools) -> Environment:
    if file.kind != "conda_env":
        right = "virtualenv, uv or local: conda makes environments from a conda_env file only"
        raise InvalidInput("env_manager", "conda", right)
    conda = _tool(os.environ.get("CONDA_EXE") or "conda", "--env-manager virtualenv, uv or local")
    requirements = read_requirements(file)
    key = _conda_key(file, requirements)

    def make(path: Path) -> None:
        tools.run([conda, "env", "create", "--quiet", "--prefix", str(path), "--file", str(file.path)])

    path = _made(place, f"conda-{key[:32]}", make, tools)
    variables = {"PATH": _path_with(str(path / "bin")), "CONDA_PREFIX": str(path), "VIRTUAL_ENV": None}
    return Environment("conda", path, key, {**variables, "PYTHONHOME": None})


def _conda_key(file: EnvironmentFile, requirements: Requirements) -> str:
    text = file.path.read_text(encoding="utf-8")
    return hashlib.sha256(json.dumps([_LAYOUT, "conda", text, requirements.included]).encode()).hexdigest()


def _listed(path: Path, lines: tuple[str, ...], folder: Path) -> Path:
    """Write requirement lines to a file; the files that they refer to are those of `folder`."""
    listed = path / "trackstream-requirements.txt"
    listed.write_text("".join(f"{absolute_line(line, folder)}\n" for line in lines), encoding="utf-8")
    return listed


def _isolated() -> dict[str, str]:
    # The launcher's own packages are not the project's.
    return {"PYTHONPATH": "", "PYTHONHOME": "", "VIRTUAL_ENV": ""}


def _activated(path: Path) -> dict[str, str | None]:
    return {
        "PATH": _path_with(str(path / "bin")),
        "VIRTUAL_ENV": str(path),
        "PYTHONHOME": None,
        "PYTHONPATH": None,
        "CONDA_PREFIX": None,
    }


def _path_with(folder: str) -> str:
    return os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
