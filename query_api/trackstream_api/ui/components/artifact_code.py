"""Text with the colours of its language, as lines of (class, text). Pure functions."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from pygments.lexers import get_lexer_for_filename  # type: ignore[import-untyped,unused-ignore]
from pygments.token import (  # type: ignore[import-untyped,unused-ignore]
    Comment,
    Keyword,
    Literal,
    Name,
    Operator,
    String,
)
from pygments.util import ClassNotFound  # type: ignore[import-untyped,unused-ignore]

if TYPE_CHECKING:
    from pygments.token import _TokenType

COLOURED = 64 << 10
"""Longer texts, in characters, have no colours: they would take too long."""
Line = list[list[str]]
"""[class, text] or [text] each."""

_CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "comment"),
    (Keyword, "keyword"),
    (Operator.Word, "keyword"),
    (String, "string"),
    (Literal, "number"),
    (Name.Tag, "keyword"),
    (Name.Attribute, "name"),
    (Name.Function, "name"),
    (Name.Class, "name"),
    (Name.Decorator, "name"),
)


def lines_of(text: str, path: str) -> list[Line]:
    """Return the lines of a text, coloured by the language that the file's name tells."""
    if len(text) > COLOURED:
        return [[[line]] for line in text.splitlines()]
    try:
        lexer = get_lexer_for_filename(posixpath.basename(path), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return [[[line]] for line in text.splitlines()]
    lines: list[Line] = [[]]
    for token, value in lexer.get_tokens(text):
        name = next((name for group, name in _CLASSES if token in group), "")
        first, *others = value.split("\n")
        _add(lines[-1], name, first)
        for other in others:
            lines.append([])
            _add(lines[-1], name, other)
    if lines and not lines[-1]:
        lines.pop()
    return lines


def _add(line: Line, name: str, text: str) -> None:
    text = text.rstrip("\r")
    if not text:
        return
    if line and (line[-1][0] if len(line[-1]) == 2 else "") == name:
        line[-1][-1] += text
    else:
        line.append([name, text] if name else [text])
