"""YAML that strangers wrote: plain values with the lines they stand on.

Only what a configuration needs is taken: mappings, lists and scalars. Tags, which could make objects, and
documents that grow when their aliases are followed are errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackstream.projects.errors import ProjectInvalid
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1 << 20
MAX_VALUES = 10_000
"""Values of a document, those behind aliases counted wherever they are used."""
MAX_DEPTH = 32
_STANDARD = "tag:yaml.org,2002:"
_SCALARS = frozenset({"str", "int", "float", "bool", "null", "timestamp"})


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the document at `path`; `content` is a dict of values, a list of values, or text or None.

    Numbers are texts as Python writes them, like MLflow's: `0.10` is "0.1".
    """

    path: Path
    line: int
    content: dict[str, Value] | list[Value] | str | None
    kind: str = "str"
    """Of a scalar: str, int, float, bool, null or timestamp."""

    def wrong(self, field: str, expected: str) -> ProjectInvalid:
        """Return the error that this value is not what `field` must be."""
        return ProjectInvalid(self.path, self.line, field, plain(self), expected)

    def mapping(self, field: str) -> dict[str, Value]:
        """Return the content of a mapping; nothing at all is an empty one. Raises ProjectInvalid."""
        if self.content is None:
            return {}
        if not isinstance(self.content, dict):
            raise self.wrong(field, "a mapping (name: value)")
        return self.content

    def items(self, field: str) -> list[Value]:
        """Return the content of a list; nothing at all is an empty one. Raises ProjectInvalid."""
        if self.content is None:
            return []
        if not isinstance(self.content, list):
            raise self.wrong(field, "a list")
        return self.content

    def text(self, field: str, expected: str = "a text") -> str:
        """Return the text, which must not be empty. Raises ProjectInvalid."""
        if not isinstance(self.content, str) or not self.content.strip() or "\x00" in self.content:
            raise self.wrong(field, expected)
        return self.content


def plain(value: Value) -> Any:
    """Return what a value holds, without lines."""
    if isinstance(value.content, dict):
        return {name: plain(item) for name, item in value.content.items()}
    if isinstance(value.content, list):
        return [plain(item) for item in value.content]
    return value.content


def as_json(value: Value) -> Any:
    """Return what a value holds as JSON has it: numbers, true and false are no texts."""
    if isinstance(value.content, dict):
        return {name: as_json(item) for name, item in value.content.items()}
    if isinstance(value.content, list):
        return [as_json(item) for item in value.content]
    match value.kind, value.content:
        case "int", str(text):
            return int(text)
        case "float", str(text):
            return float(text)
        case "bool", str(text):
            return text.lower() in ("true", "yes", "on")
        case _, content:
            return content


def read_document(path: Path) -> Value:
    """Return the one document of a file. Raises ProjectInvalid with the line of what is wrong."""
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ModuleNotFoundError as error:
        raise InvalidInput(str(path), "YAML", "the extra: pip install 'trackstream[projects]'") from error
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            "project file", str(path), f"a file that can be read ({error.strerror})"
        ) from error
    if len(data) > MAX_BYTES:
        raise ProjectInvalid(path, 1, "size", f"more than {MAX_BYTES} bytes", "a small file")
    try:
        node = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise ProjectInvalid(path, 1, "encoding", f"byte {error.start}", "UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise ProjectInvalid(path, line, "YAML", error.problem or "?", "valid YAML, one document") from error
    except yaml.YAMLError as error:
        raise ProjectInvalid(path, 1, "YAML", str(error), "valid YAML") from error
    except RecursionError as error:
        raise ProjectInvalid(path, 1, "YAML", "deep nesting", f"at most {MAX_DEPTH} levels") from error
    if node is None:
        return Value(path, 1, None)
    return _Reader(path).value(node, 0)


class _Reader:
    """Turns nodes into values and counts them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def value(self, node: Any, depth: int) -> Value:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_VALUES:
            right = f"at most {MAX_VALUES} values, also behind aliases"
            raise ProjectInvalid(self._path, line, "YAML", "a document that grows", right)
        if depth > MAX_DEPTH:
            raise ProjectInvalid(self._path, line, "YAML", "deep nesting", f"at most {MAX_DEPTH} levels")
        kind = node.tag.removeprefix(_STANDARD) if node.tag.startswith(_STANDARD) else ""
        match kind:
            case "map":
                return Value(self._path, line, self._mapping(node, depth))
            case "seq":
                return Value(self._path, line, [self.value(item, depth + 1) for item in node.value])
            case "null":
                return Value(self._path, line, None, kind)
            case "float" | "int":
                return Value(self._path, line, self._number(node, kind, line), kind)
            case _ if kind in _SCALARS and isinstance(node.value, str):
                return Value(self._path, line, node.value, kind)
            case _:
                raise ProjectInvalid(self._path, line, "YAML tag", node.tag, "plain values without tags")

    def _mapping(self, node: Any, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, item in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key.value, str) or not key.tag.startswith(_STANDARD) or key.value == "<<":
                raise ProjectInvalid(self._path, line, "key", str(key.value)[:100], "a plain name")
            if key.value in found:
                raise ProjectInvalid(self._path, line, "key", key.value, "each key once")
            found[key.value] = self.value(item, depth + 1)
        return found

    def _number(self, node: Any, kind: str, line: int) -> str:
        from yaml import SafeLoader

        loader = SafeLoader("")
        try:
            number = loader.construct_yaml_float(node) if kind == "float" else loader.construct_yaml_int(node)
            return str(number)
        except (ValueError, TypeError) as error:
            raise ProjectInvalid(self._path, line, "number", str(node.value)[:100], "a number") from error
        finally:
            loader.dispose()
