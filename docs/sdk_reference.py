"""The reference of the Python SDK: signatures and docstrings of what is public. Used by `generate.py`."""

from __future__ import annotations

import ast
import inspect
import re
from inspect import Parameter
from itertools import pairwise
from textwrap import dedent
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

WIDTH = 96


def functions(module: ModuleType) -> str:
    """Return the functions that a module has in `__all__`, in the alphabet's order."""
    found = [value for _, value in _public(module) if inspect.isfunction(value)]
    return "\n".join(part for value in found for part in _function(value, "###"))


def classes(module: ModuleType) -> str:
    """Return the classes that a module has in `__all__`, errors left out, with their public methods."""
    found = [
        value for _, value in _public(module) if inspect.isclass(value) and not issubclass(value, Exception)
    ]
    return "\n".join(part for value in found for part in _class(value))


def errors(module: ModuleType) -> str:
    """Return the table of the exceptions that a module has in `__all__`."""
    lines = ["| error | also a | when |", "| --- | --- | --- |"]
    for name, value in _public(module):
        if inspect.isclass(value) and issubclass(value, Exception):
            about = _prose(inspect.getdoc(value) or "").split("\n\n")[0]
            bases = " ".join(f"`{base.__name__}`" for base in value.__bases__)
            lines.append(f"| `{name}` | {bases} | {about} |")
    return "\n".join(lines) + "\n"


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in sorted(module.__all__):
        yield name, getattr(module, name)


def _function(function: Callable[..., Any], heading: str, owner: str = "") -> Iterator[str]:
    yield f"{heading} {owner}{function.__name__}\n"
    yield f"```python\n{_signature(function)}\n```\n"
    yield f"{_prose(inspect.getdoc(function) or '')}\n"


def _class(kind: type[Any]) -> Iterator[str]:
    yield f"### {kind.__name__}\n"
    yield f"{_prose(inspect.getdoc(kind) or '')}\n"
    # The fields of settings are variables, and have a page of their own.
    if fields := [] if hasattr(kind, "model_fields") else list(_fields(kind)):
        yield "| field | type | meaning |\n| --- | --- | --- |"
        yield "\n".join(f"| `{name}` | `{type_}` | {text} |" for name, type_, text in fields) + "\n"
    for name, member in vars(kind).items():
        if isinstance(member, property) and not name.startswith("_"):
            yield f"#### {kind.__name__}.{name}\n\n{_prose(inspect.getdoc(member) or '')}\n"
        elif isinstance(member, FunctionType) and not name.startswith("_"):
            yield from _function(member, "####", f"{kind.__name__}.")


def _fields(kind: type[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the type and the text below it of each field that stands in the class."""
    source = ast.parse(dedent(inspect.getsource(kind))).body[0]
    assert isinstance(source, ast.ClassDef)
    for statement, following in pairwise([*source.body, ast.Pass()]):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=type_), ast.Expr(
                value=ast.Constant(value=str(text))
            ):
                yield name, _in_table(ast.unparse(type_)), " ".join(text.split())
            case ast.AnnAssign(target=ast.Name(id=name), annotation=type_), _ if not name.startswith("_"):
                yield name, _in_table(ast.unparse(type_)), ""


def _in_table(type_: str) -> str:
    return type_.replace("|", "\\|")


def _signature(function: Callable[..., Any]) -> str:
    """Return `name(parameters) -> result` on one line, or with a line for each parameter."""
    signature = inspect.signature(function)
    given = [parameter for name, parameter in signature.parameters.items() if name != "self"]
    parameters = [_parameter(parameter) for parameter in given]
    # The mark behind which names are needed is no parameter of its own.
    kinds = [parameter.kind for parameter in given]
    if Parameter.KEYWORD_ONLY in kinds and Parameter.VAR_POSITIONAL not in kinds:
        parameters.insert(kinds.index(Parameter.KEYWORD_ONLY), "*")
    tail = "" if signature.return_annotation is Parameter.empty else f" -> {signature.return_annotation}"
    line = f"{function.__name__}({', '.join(parameters)}){tail}"
    if len(line) <= WIDTH:
        return line
    inner = "".join(f"    {parameter},\n" for parameter in parameters)
    return f"{function.__name__}(\n{inner}){tail}"


def _parameter(parameter: Parameter) -> str:
    """Return a parameter as its author wrote it: annotations are texts here, without their quotes."""
    mark = ""
    if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
        mark = "*" if parameter.kind is Parameter.VAR_POSITIONAL else "**"
    annotation = "" if parameter.annotation is Parameter.empty else f": {parameter.annotation}"
    equals = " = " if annotation else "="
    default = "" if parameter.default is Parameter.empty else f"{equals}{parameter.default!r}"
    return f"{mark}{parameter.name}{annotation}{default}"


def _prose(text: str) -> str:
    """Return a docstring as Markdown: paragraphs as they are, indented parts as code."""
    parts = []
    for part in re.split(r"\n\s*\n", text):
        if part.startswith("    "):
            parts.append(f"```python\n{dedent(part)}\n```")
        else:
            parts.append(" ".join(part.split()).replace("<", "&lt;"))
    return "\n\n".join(parts)
