"""Writes the generated parts of the docs: `python docs/generate.py`; `--check` only names what is stale.

A page holds `<!-- generated: NAME -->` … `<!-- end -->`; what stands between is replaced. The references of
the SDK and of the HTTP API are made by modules of their own, beside this one.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tempfile
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trackstream_api.store import EmbeddedStore

DOCS = Path(__file__).parent
WIDTH = 96
_PART = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


_opened = ExitStack()


@cache
def _empty_store() -> EmbeddedStore:
    """Open the store that all parts share, as a process opens one engine only. `_opened` closes it."""
    from trackstream_api.store import EmbeddedStore

    directory = _opened.enter_context(tempfile.TemporaryDirectory())
    return _opened.enter_context(EmbeddedStore(Path(directory)))


def commands() -> str:
    """Return the help of every command of the command line."""
    from trackstream_api.cli.root import cli

    context = click.Context(cli, info_name="trackstream", terminal_width=WIDTH, **cli.context_settings)
    return "\n".join(_command_help(cli, context))


def _command_help(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"{'##' if context.parent is None else '###'} {context.command_path}\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            # `ui` is another name for `server`.
            if inner is not None and inner.name == name:
                yield from _command_help(
                    inner, click.Context(inner, info_name=name, parent=context, terminal_width=WIDTH)
                )


def exit_codes() -> str:
    """Return the table of exit codes, from the tree of errors."""
    from trackstream_schemas import errors

    rows: dict[int, list[str]] = {}
    for kind in (
        errors.InvalidInput,
        errors.NotFound,
        errors.AlreadyExists,
        errors.Conflict,
        errors.Unavailable,
        errors.StorageFailed,
    ):
        rows.setdefault(kind.exit_code, []).append((kind.__doc__ or "").split("\n")[0].strip())
    lines = ["| code | means |", "| --- | --- |", "| 0 | It worked. |"]
    lines.append("| 1 | Something not named below: a failed check of `doctor`, a failed replay, a defect. |")
    lines += [f"| {code} | {' '.join(texts)} |" for code, texts in sorted(rows.items())]
    lines.append("| 130 | Interrupted by Ctrl-C, or a question was answered with no. |")
    lines.append("| 141 | Whoever read the output went away. |")
    return "\n".join(lines) + "\n"


def views() -> str:
    """Return the data dictionary, from the tables of an empty store."""
    with _empty_store().engine.client() as client:
        tables = client.query(
            "SELECT name, comment FROM system.tables"
            " WHERE database = currentDatabase() AND startsWith(name, 'v_') ORDER BY name"
        ).result_rows
        columns = client.query(
            "SELECT table, name, type, comment FROM system.columns"
            " WHERE database = currentDatabase() AND startsWith(table, 'v_') ORDER BY table, position"
        ).result_rows
    return "\n".join(_dictionary(list(tables), list(columns)))


def _dictionary(tables: list[Any], columns: list[Any]) -> Iterator[str]:
    yield "| view | what it holds |\n| --- | --- |"
    yield from (f"| [`{table}`](#{table}) | {about} |" for table, about in tables)
    yield ""
    for table, about in tables:
        yield f"### {table}\n\n{about}.\n\n| column | type | meaning |\n| --- | --- | --- |"
        for owner, name, type_, comment in columns:
            if owner == table:
                yield f"| `{name}` | `{type_}` | {comment} |"
        yield ""


def settings() -> str:
    """Return the SDK's settings: variable, default and meaning."""
    from trackstream.settings import Settings

    return "\n".join(_settings_table(Settings)) + "\n"


def server_settings() -> str:
    """Return the settings of the distributed composition."""
    from trackstream_api.stack_settings import StackSettings
    from trackstream_schemas.blobs.minio_settings import S3Settings

    return "\n".join([*_settings_table(StackSettings), *_settings_table(S3Settings)[2:]]) + "\n"


def _settings_table(settings: type[Any]) -> list[str]:
    source = ast.parse(inspect.getsource(settings)).body[0]
    assert isinstance(source, ast.ClassDef)
    meanings = dict(_attribute_docstrings(source))
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in settings.model_fields.items():
        default = (
            "needed" if field.is_required() else "" if field.default in (None, "") else f"`{field.default}`"
        )
        variable = f"{settings.model_config['env_prefix']}{name.upper()}"
        lines.append(f"| `{variable}` | {default} | {meanings[name]} |")
    return lines


def _attribute_docstrings(source: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield each field's name and the text below it; a group of fields shares the text below the last."""
    waiting: list[str] = []
    for statement in source.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)):
                waiting.append(name)
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield from ((name, " ".join(text.split())) for name in waiting)
                waiting.clear()


def mlflow_endpoints() -> str:
    """Return the table of MLflow's endpoints, those that are left out last."""
    from trackstream_api.mlflow.face import endpoints

    lines = ["| method | path | status |", "| --- | --- | --- |"]
    for method, path, answers in sorted(endpoints(), key=lambda endpoint: not endpoint.answers):
        # Those at the root stand under no prefix.
        whole = f"/api{path}" if path.startswith(("/2.0", "/3.0")) else path
        lines.append(f"| {method} | `{whole}` | {'answers' if answers else '501'} |")
    return "\n".join(lines) + "\n"


def rest() -> str:
    """Return the reference of the HTTP API, from the OpenAPI document of a server of an empty store."""
    from rest_reference import rest_reference, served_document

    return rest_reference(served_document(_empty_store()))


def sdk(kinds: Sequence[str], module: str = "trackstream") -> str:
    """Return the reference of a module's functions, classes or errors."""
    import sdk_reference

    return "\n".join(getattr(sdk_reference, kind)(import_module(module)) for kind in kinds)


def decisions() -> str:
    """Return the list of the decisions, in their order."""
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    titles = [page.read_text(encoding="utf-8").split("\n")[0] for page in pages]
    lines = [
        f"* [{page.name[:4]}]({page.name}) {re.sub(r'^# [0-9]+[.:]? *', '', title)}"
        for page, title in zip(pages, titles, strict=True)
    ]
    return "\n".join(lines) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "decisions": decisions,
    "exit-codes": exit_codes,
    "mlflow-endpoints": mlflow_endpoints,
    "views": views,
    "settings": settings,
    "server-settings": server_settings,
    "rest": rest,
    "sdk-functions": lambda: sdk(["functions"]),
    "sdk-classes": lambda: sdk(["classes"]),
    "sdk-errors": lambda: sdk(["errors"]),
    "sdk-projects": lambda: sdk(["functions", "classes", "errors"], "trackstream.projects"),
}


def regenerate(page: str) -> str:
    """Return a page's text with its generated parts made anew."""
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part['name']]()}\n{part[3]}", page)


def stale_pages() -> list[tuple[Path, str]]:
    """Return the pages that are not current, each with the text it should have."""
    found = []
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        current = regenerate(text)
        if current != text:
            found.append((path, current))
    return found


def main() -> int:
    """Rewrite what is stale, or only name it."""
    with _opened:
        stale = stale_pages()
    for path, text in stale:
        print(f"{'stale' if '--check' in sys.argv else 'wrote'}: docs/{path.relative_to(DOCS)}")
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
