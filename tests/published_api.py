"""HTTP APIs as their makers publish them (Swagger 2.0), to check what a real client sends.

The documents come through Go's module proxy, once, into the cache of the native stack; none is kept here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator

from trackstream_api.native.errors import InstallFailed
from trackstream_api.native.install import cache_directory, tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Published:
    """A file of a Go module; `checksum` is the module's, as go.sum has it."""

    module: str
    version: str
    file: str
    checksum: str

    def path(self) -> Path:
        """Return the file, fetched where it is not here. Raises ToolMissing without Go, InstallFailed."""
        place = cache_directory() / f"{self.module.replace('/', '-')}-{self.version}"
        path = place / Path(self.file).name
        if not path.exists():
            place.mkdir(parents=True, exist_ok=True)
            self._fetch(path)
        return path

    def _fetch(self, path: Path) -> None:
        go = tool("go", f"fetching {self.file} of {self.module}")
        with tempfile.TemporaryDirectory(dir=path.parent) as place:
            # Files of a module are read-only otherwise, and could not be removed.
            variables = {**os.environ, "GOMODCACHE": place, "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}
            done = subprocess.run(
                [go, "mod", "download", "-json", f"{self.module}@{self.version}"],
                env=variables,
                cwd=place,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise InstallFailed(self.module, done.stdout + done.stderr)
            told = json.loads(done.stdout)
            if told["Sum"] != self.checksum:
                raise InstallFailed(self.module, f"its checksum is {told['Sum']}, not {self.checksum}")
            new = Path(place, "new")
            shutil.copyfile(Path(told["Dir"], self.file), new)
            new.rename(path)


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method does at a path."""

    method: str
    template: str
    about: Mapping[str, Any]
    parameters: Sequence[Mapping[str, Any]]


class PublishedApi:
    """Says what is wrong with requests and answers."""

    def __init__(self, document: Mapping[str, Any], prefix: str = "", *, slashes: bool = False) -> None:
        """`prefix` comes before each path; with `slashes` a part of a path may have some."""
        self._document = document
        self._prefix = prefix
        part = ".+" if slashes else "[^/]+"
        self._paths = [
            (re.compile(re.sub(r"\\{(\w+)\\}", rf"(?P<\1>{part})", re.escape(template))), template)
            # Those with more words of their own first.
            for template in sorted(document["paths"], key=lambda path: (path.count("{"), -len(path)))
        ]

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """Return the operation and the values in the path."""
        for pattern, template in self._paths:
            found = pattern.fullmatch(path.removeprefix(self._prefix))
            at_path = self._document["paths"][template]
            if found is not None and method.lower() in at_path:
                about = at_path[method.lower()]
                given = [*at_path.get("parameters", ()), *about.get("parameters", ())]
                parameters = [self._resolved(one) for one in given]
                return Operation(method, template, about, parameters), found.groupdict()
        return None

    def wrong_with_request(
        self, operation: Operation, query: Mapping[str, Sequence[str]], headers: Mapping[str, str], body: Any
    ) -> list[str]:
        """Return what the published API does not allow. A null in a body is as if it was not there."""
        known = {one["name"]: one for one in operation.parameters if one["in"] == "query"}
        wrong = [f"query {name}: unknown" for name in query if name not in known]
        for one in operation.parameters:
            name, place = one["name"], one["in"]
            given = {"query": query.get(name), "header": headers.get(name), "body": body}.get(place, "given")
            if one.get("required") and given is None:
                wrong.append(f"{place} {name}: missing")
            if place == "query" and query.get(name):
                wrong += _wrong_text(one, query[name][0])
            if place == "body" and isinstance(body, dict | list) and "schema" in one:
                wrong += self._wrong(one["schema"], without_nulls(body))
        return wrong

    def wrong_with_answer(self, operation: Operation, status: int, body: Any) -> list[str]:
        """Return what the published API does not allow."""
        answers = operation.about["responses"]
        if str(status) not in answers:
            # Errors of Kubernetes are in no document: all are a Status.
            return [] if status >= 400 and "default" not in answers else [f"status {status}: unknown"]
        schema = self._resolved(answers[str(status)]).get("schema")
        return self._wrong(schema, body) if schema is not None and body is not None else []

    def wrong_with(self, definition: str, value: Any) -> list[str]:
        """Return what a definition of the document does not allow."""
        return self._wrong({"$ref": f"#/definitions/{definition}"}, value)

    def _wrong(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        validator = Draft4Validator({"allOf": [schema], "definitions": self._document["definitions"]})
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
        return [*wrong, *self._unknown(schema, value, "$")]

    def _unknown(self, schema: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
        """Yield fields that are not in the document: a misspelled one would be ignored."""
        properties, others, items = self._fields(schema)
        if isinstance(value, dict):
            for name, item in value.items():
                if name in properties:
                    yield from self._unknown(properties[name], item, f"{place}.{name}")
                elif isinstance(others, dict):
                    yield from self._unknown(others, item, f"{place}.{name}")
                elif properties and not others:
                    yield f"{place}.{name}: unknown field"
        elif isinstance(value, list) and items is not None:
            for number, item in enumerate(value):
                yield from self._unknown(items, item, f"{place}[{number}]")

    def _fields(self, schema: Mapping[str, Any]) -> tuple[dict[str, Any], Any, Any]:
        schema = self._resolved(schema)
        properties, others = dict(schema.get("properties", {})), schema.get("additionalProperties")
        for part in schema.get("allOf", ()):
            more, more_others, _ = self._fields(part)
            properties.update(more)
            others = others or more_others
        return properties, others, schema.get("items")

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema


def without_nulls(value: Any) -> Any:
    """Return JSON without the members of objects that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _wrong_text(parameter: Mapping[str, Any], value: str) -> list[str]:
    name, kind = parameter["name"], parameter.get("type")
    fits = {
        "boolean": lambda: value.lower() in ("true", "false", "1", "0"),
        "integer": lambda: re.fullmatch(r"-?\d+", value) is not None,
        "string": lambda: (
            re.search(parameter.get("pattern", ""), value) is not None
            and value in parameter.get("enum", [value])
        ),
    }.get(kind or "", lambda: True)
    return [] if fits() else [f"query {name}: {value!r} is not as published"]
