"""The OpenAPI document as a page: no script, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_METHODS = ("get", "post", "put", "patch", "delete")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code { font-size: .9em; background: #f2f2f2; padding: .1em .3em; overflow-wrap: anywhere }
pre code { display: block; padding: .6em; overflow-x: auto }
table { border-collapse: collapse; margin: .5em 0 } td { border: 1px solid #ccc; padding: .2em .6em }
h3 { margin-top: 1.8em } summary { cursor: pointer }
"""


def page(title: str, body: str) -> str:
    """Return a whole HTML page around `body`, which is HTML."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def openapi_page(document: Mapping[str, Any]) -> str:
    """Return the page for an OpenAPI 3.1 document."""
    info = document["info"]
    title = f"{info['title']} {info['version']}: the API"
    parts = [
        f"<h1>{escape(title)}</h1>",
        _paragraphs(info.get("description", "")),
        '<p>The same as data: <a href="openapi.json">openapi.json</a>. <a href="./">Back</a></p>',
    ]
    by_tag = _operations(document)
    for tag, operations in by_tag.items():
        parts.append(f"<h2>{escape(tag)}</h2>")
        parts += operations
    return page(title, "\n".join(parts))


def _operations(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the HTML of every operation, by its tag, in the document's order."""
    schemas = document.get("components", {}).get("schemas", {})
    found: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                tag = operation.get("tags", ["others"])[0]
                found.setdefault(tag, []).append("\n".join(_operation(method, path, operation, schemas)))
    return found


def _operation(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[str]:
    yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
    yield f"<p><b>{escape(operation.get('summary', ''))}</b></p>"
    yield _paragraphs(operation.get("description", ""))
    parameters = [
        (
            parameter["name"],
            f"{parameter['in']}, {_type(parameter['schema'])}" + _optional(parameter.get("required", False)),
            parameter.get("description") or parameter["schema"].get("description", ""),
        )
        for parameter in operation.get("parameters", [])
    ]
    yield _table("Parameters", parameters)
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield _body(f"Body, {kind}", content.get("schema", {}), schemas)
    for status, answer in operation.get("responses", {}).items():
        if status.startswith("2"):
            for kind, content in answer.get("content", {}).items():
                yield _body(f"Answer {status}, {kind}", content.get("schema", {}), schemas)


def _body(title: str, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    known = schemas.get(_name(schema), schema)
    fields = [
        (
            name,
            _type(field) + _optional(name in known.get("required", ())),
            field.get("description", ""),
        )
        for name, field in known.get("properties", {}).items()
    ]
    if fields:
        return _table(f"{title}: {_type(schema)}", fields)
    return f"<p>{escape(title)}: {escape(_type(schema))}</p>"


def _table(title: str, rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    cells = "\n".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td><td>{escape(meaning)}</td></tr>"
        for name, kind, meaning in rows
    )
    return f"<details open><summary>{escape(title)}</summary><table>\n{cells}\n</table></details>"


def _type(schema: Mapping[str, Any]) -> str:
    """Return in a few words what a schema takes."""
    if name := _name(schema):
        return name
    if choices := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(dict.fromkeys(_type(choice) for choice in choices))
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    if "const" in schema:
        return repr(schema["const"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return str(schema.get("format", kind) if kind == "string" else kind)


def _optional(required: bool) -> str:
    return "" if required else ", optional"


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _paragraphs(text: str) -> str:
    return "\n".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip())
