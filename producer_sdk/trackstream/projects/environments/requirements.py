"""What a project's environment file asks for: a Python version and packages.

Source of the formats: mlflow.utils.environment._PythonEnv.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackstream.projects.errors import ProjectInvalid
from trackstream.projects.yaml_document import read_document

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream.projects.project_file import EnvironmentFile
    from trackstream.projects.yaml_document import Value

_PYTHON = re.compile(r"\d+(\.\d+){0,2}")
_CONDA_PYTHON = re.compile(r"python\s*(?:[=<>!~]=?\s*(?P<version>[\w.*]+).*)?")
_CONDA_PIP = re.compile(r"(?:[\w\-]+::)?(pip|setuptools|wheel)\b.*")
_INCLUDED = re.compile(r"\s*(?P<option>-r|--requirement|-c|--constraint)[\s=]*(?P<path>[^\s#]+)")
_MAX_INCLUDES = 50


@dataclass(frozen=True, slots=True)
class Requirements:
    """Packages for a virtual environment; lines are those of a pip requirements file."""

    python: str | None = None
    build: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Packages of conda that pip does not know."""
    included: tuple[str, ...] = field(default=())
    """Contents of the files that the lines refer to."""


def read_requirements(environment: EnvironmentFile) -> Requirements:
    """Return what an environment file asks for. Raises ProjectInvalid."""
    match environment.kind:
        case "python_env":
            found = _python_env(environment.path)
        case "conda_env":
            found = _conda_env(environment.path)
        case "requirements":
            found = Requirements(packages=(f"-r {environment.path.name}",))
    texts = _included(environment.path, [*found.build, *found.packages])
    return Requirements(found.python, found.build, found.packages, found.ignored, tuple(texts))


def absolute_line(line: str, folder: Path) -> str:
    """Return a requirement line that means the same in a file that does not lie in `folder`."""
    named = _INCLUDED.match(line)
    if named is None or "://" in named["path"]:
        return line
    return f"{named['option']} {shlex.quote(str(folder / named['path']))}"


def _python_env(path: Path) -> Requirements:
    content = read_document(path).mapping("python_env")
    for name, value in content.items():
        if name not in ("python", "build_dependencies", "dependencies"):
            right = "python, build_dependencies or dependencies"
            raise ProjectInvalid(path, value.line, "key", name, right)
    python = content["python"].text("python") if "python" in content else None
    if python is not None and not _PYTHON.fullmatch(python):
        raise content["python"].wrong("python", 'a version in quotes, such as "3.11"')
    return Requirements(
        python,
        _lines(content.get("build_dependencies"), "build_dependencies"),
        _lines(content.get("dependencies"), "dependencies"),
    )


def _lines(value: Value | None, field: str) -> tuple[str, ...]:
    return tuple(_line(item, field) for item in value.items(field)) if value is not None else ()


def _line(value: Value, field: str) -> str:
    text = value.text(field, "a line of a pip requirements file")
    if "\n" in text:
        raise value.wrong(field, "a single line")
    return text


def _conda_env(path: Path) -> Requirements:
    content = read_document(path).mapping("conda environment")
    python: str | None = None
    packages: list[str] = []
    ignored: list[str] = []
    for value in content["dependencies"].items("dependencies") if "dependencies" in content else ():
        if isinstance(value.content, dict):
            inner = value.mapping("dependencies")
            if list(inner) != ["pip"]:
                raise value.wrong("dependencies", "names of packages, or pip with a list of its own")
            packages += _lines(inner["pip"], "dependencies.pip")
            continue
        text = value.text("dependencies", "the name of a package")
        if named := _CONDA_PYTHON.fullmatch(text):
            version = (named["version"] or "").rstrip(".*")
            python = version if _PYTHON.fullmatch(version) else None
        elif not _CONDA_PIP.fullmatch(text):
            ignored.append(text)
    return Requirements(python, (), tuple(packages), tuple(ignored))


def _included(path: Path, lines: list[str]) -> list[str]:
    """Return the contents of the files that requirement lines refer to, in the order of reference."""
    texts: list[str] = []
    waiting = [(path.parent, line) for line in lines]
    seen: set[Path] = set()
    while waiting:
        place, line = waiting.pop(0)
        named = _INCLUDED.match(line)
        if named is None or "://" in named["path"]:
            continue
        file = (place / named["path"]).resolve()
        if file in seen or len(seen) >= _MAX_INCLUDES:
            continue
        seen.add(file)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            right = f"a text file that can be read ({error})"
            raise ProjectInvalid(path, 1, "requirements", named["path"], right) from error
        texts.append(text)
        waiting += [(file.parent, inner) for inner in text.splitlines()]
    return texts
