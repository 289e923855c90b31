"""The REST reference: the OpenAPI document of the server as Markdown. Used by `generate.py`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trackstream_api.store import EmbeddedStore

_METHODS = ("get", "post", "put", "patch", "delete")
_ELSEWHERE = frozenset({"mlflow"})
"""Tags whose operations have a page of their own."""
_COMMON = ("consistency", "as_of")
"""Parameters of so many operations that they are explained once."""
_COMMON_HEADING = "Parameters of many routes"
_REFERENCES = re.compile(r"#/components/schemas/(\w+)")


def served_document(store: EmbeddedStore) -> dict[str, Any]:
    """Return the OpenAPI document as a server of the store gives it."""
    from trackstream_api.app import create_app

    app = create_app(store)
    document: dict[str, Any] = app.openapi()
    app.state.stop()
    return document


def rest_reference(document: Mapping[str, Any]) -> str:
    """Return every operation under its tag, by the alphabet, and then the objects they speak of."""
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                tag = item[method].get("tags", ["others"])[0]
                by_tag.setdefault(tag, []).append((method, path, item[method]))
    shown = {tag: operations for tag, operations in sorted(by_tag.items()) if tag not in _ELSEWHERE}
    parts = [*_common(shown)]
    for tag, operations in shown.items():
        parts.append(f"## {'SQL' if tag == 'sql' else tag.capitalize()}\n")
        parts += [part for operation in operations for part in _operation(*operation)]
    schemas = document.get("components", {}).get("schemas", {})
    return "\n".join([*parts, *_objects(schemas, _spoken_of(shown, schemas))]).rstrip() + "\n"


def _common(by_tag: Mapping[str, list[tuple[str, str, Mapping[str, Any]]]]) -> Iterator[str]:
    yield f"## {_COMMON_HEADING}\n"
    yield "| parameter | in | type | meaning |\n| --- | --- | --- | --- |"
    operations = [operation for group in by_tag.values() for *_, operation in group]
    for name in _COMMON:
        described = (at for op in operations for at in op.get("parameters", []) if at["name"] == name)
        yield _parameter(next(described), explained=True)
    yield ""


def _spoken_of(
    by_tag: Mapping[str, list[tuple[str, str, Mapping[str, Any]]]], schemas: Mapping[str, Any]
) -> set[str]:
    """Return the names of the objects of these operations, and of the objects within those."""
    found: set[str] = set()
    waiting = _REFERENCES.findall(json.dumps(by_tag))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _REFERENCES.findall(json.dumps(schemas[name]))
    return found


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"### `{method.upper()} {path}`\n"
    yield f"{operation.get('summary', '')}.\n"
    if about := operation.get("description"):
        yield f"{_prose(about)}\n"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "| parameter | in | type | meaning |\n| --- | --- | --- | --- |"
        yield from (_parameter(parameter) for parameter in parameters)
        yield ""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"Body: {_type(content.get('schema', {}))} (`{kind}`)\n"
    for status, answer in operation.get("responses", {}).items():
        if status.startswith("2"):
            yield f"Answer {_answer(status, answer)}\n"


def _parameter(parameter: Mapping[str, Any], *, explained: bool = False) -> str:
    schema = parameter["schema"]
    meaning = _cell(parameter.get("description") or schema.get("description", ""))
    if parameter["name"] in _COMMON and not explained:
        meaning = f"[as everywhere](#{_COMMON_HEADING.lower().replace(' ', '-')})"
    name = f"`{parameter['name']}`{' (needed)' if parameter.get('required') else ''}"
    return f"| {name} | {parameter['in']} | {_type(schema)}{_default(schema)} | {meaning} |"


def _answer(status: str, answer: Mapping[str, Any]) -> str:
    content = answer.get("content", {})
    kinds = ", or ".join(f"{_type(body.get('schema', {}))} (`{kind}`)" for kind, body in content.items())
    return f"{status}: {kinds or 'no content'}"


def _objects(schemas: Mapping[str, Any], names: set[str]) -> Iterator[str]:
    yield "## Objects\n"
    for name in sorted(names):
        schema = schemas[name]
        yield f"### {name}\n"
        if about := schema.get("description"):
            yield f"{_prose(about)}\n"
        fields = schema.get("properties", {})
        if not fields:
            yield f"{_type(schema)}\n"
            continue
        yield "| field | type | meaning |\n| --- | --- | --- |"
        for field, kind in fields.items():
            needed = " (needed)" if field in schema.get("required", ()) else ""
            meaning = _cell(kind.get("description", ""))
            yield f"| `{field}`{needed} | {_type(kind)}{_default(kind)} | {meaning} |"
        yield ""


def _type(schema: Mapping[str, Any]) -> str:
    """Return in a few words what a schema takes; another object as a link to it."""
    if found := _REFERENCES.fullmatch(str(schema.get("$ref", ""))):
        return f"[{found[1]}](#{found[1].lower()})"
    if choices := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(dict.fromkeys(_type(choice) for choice in choices))
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    match schema.get("type", "anything"):
        case "array":
            return f"array of {_type(schema.get('items', {}))}"
        case "object" if isinstance(values := schema.get("additionalProperties"), dict):
            return f"object of {_type(values)}"
        case "string":
            return str(schema.get("format", "string"))
        case kind:
            return str(kind)


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default in (None, "", [], {}) else f", default `{default}`"


def _prose(text: str) -> str:
    """Keep a docstring's paragraphs, without its line breaks."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")).replace("<", "&lt;")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
