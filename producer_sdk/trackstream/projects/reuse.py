"""Whether a launch that finished earlier did what is asked for now; decided from its projection alone.

The same project, at the same commit of a tree without changes, the same entry point, values and environment
give the same result, as far as anybody can tell from outside.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trackstream_schemas.secret_texts import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.projects.project_file import EntryPoint, Parameter

_WITHOUT_BACKEND = ("virtualenv", "uv", "conda", "local")
"""Environments that a project has where it does not run in a container."""

_LASTING = re.compile(r"runs:/.+|models:/[^/@]+/[0-9]+|models:/m-[^/@]+", re.DOTALL)
"""URIs that always name the same content."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done, as far as it decides over the result."""

    project: str
    directory: str
    """Of the project in its tree."""
    entry_point: EntryPoint
    parameters: Mapping[str, str]
    """As given."""
    commit: str | None = None
    dirty: bool | None = None
    changed: str | None = None
    """The first file that differs from the commit."""
    loose_defaults: frozenset[str] = frozenset()
    """Parameters of type `path` whose default is a file that the commit does not have."""
    backend: str = "local"
    backend_config: Mapping[str, Any] = field(default_factory=dict)
    docker_args: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = "local"
    """What it is made by; None where only the backend knows."""
    environment_key: str | None = None


def obstacle(wanted: Wanted) -> str | None:
    """Return why no earlier launch can stand for this one, or None."""
    if wanted.commit is None:
        return "the project is not in a git repository, so nobody knows whether it is still the same"
    if wanted.dirty:
        first = f": {wanted.changed}" if wanted.changed else ""
        return f"the project's tree differs from commit {wanted.commit[:12]}{first}"
    secret = [name for name, value in redacted(wanted.parameters).items() if value != wanted.parameters[name]]
    if secret:
        return f"the value of {secret[0]} is a secret and was not recorded"
    for parameter in wanted.entry_point.parameters:
        if parameter.type == "path":
            why_not = _loose(wanted, parameter)
            if why_not is not None:
                return why_not
    return None


def _loose(wanted: Wanted, parameter: Parameter) -> str | None:
    """Return why the content behind a path may be another than it was."""
    name, given = parameter.name, wanted.parameters.get(parameter.name)
    text = parameter.default if given is None else given
    if text is None or _LASTING.fullmatch(text):
        return None
    if is_uri(text):
        return f"what {name}, {text}, names may have changed; a runs:/ URI's content cannot"
    if given is not None:
        return f"the file of {name}, {given}, may have changed; a runs:/ URI cannot"
    if name in wanted.loose_defaults:
        return f"the default of {name}, {text}, is not in the commit, so it may have changed"
    return None


def did_the_same(wanted: Wanted, launch: Mapping[str, Any]) -> bool:
    """Whether a launch, as the API gives it, did what is wanted, in whatever tree its project was."""
    return (
        launch["state"] == "finished"
        and launch["project"] == wanted.project
        and launch["entry_point"] == wanted.entry_point.name
        and launch["commit"] == wanted.commit
        and launch["dirty"] is False
        and launch["backend"] == wanted.backend
        and json.loads(launch["backend_config"]) == wanted.backend_config
        and launch["docker_args"] == wanted.docker_args
        and _same_environment(wanted, launch)
        and _values(wanted.entry_point, launch["parameters"])
        == _values(wanted.entry_point, wanted.parameters)
    )


def is_whole(wanted: Wanted, run: Mapping[str, Any], directory_tag: str) -> bool:
    """Whether the run of such a launch can be used: it is not deleted, ended well, and is of this project."""
    found = (run["lifecycle_stage"], run["status"], run["tags"].get(directory_tag))
    return found == ("active", "FINISHED", wanted.directory)


def _same_environment(wanted: Wanted, launch: Mapping[str, Any]) -> bool:
    if wanted.environment is None:
        # The commit says which container; only that it was one must be seen.
        return launch["environment"] not in _WITHOUT_BACKEND
    found = (launch["environment"], launch["environment_key"])
    return found == (wanted.environment, wanted.environment_key)


def _values(entry_point: EntryPoint, given: Mapping[str, str]) -> dict[str, str]:
    defaults = {one.name: one.default for one in entry_point.parameters if one.default is not None}
    return {**defaults, **given}


def is_uri(text: str) -> bool:
    """Whether a value for a path names something that is downloaded."""
    scheme, separator, _ = text.partition(":/")
    return bool(separator) and scheme.isascii() and scheme.isalnum() and scheme != "file"
