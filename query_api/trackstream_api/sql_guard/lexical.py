"""The last check, on the very text that will be run, with a lexer that is ours and follows the engine's.

It does not trust that the parser and the engine agree: here every name that stands before a parenthesis
must be a function, a type or a keyword that we know, and everything that could hide text from a reader
(comments, here-documents, typographic quotes) is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trackstream_api.errors import SqlRefused
from trackstream_api.sql_guard.functions import TYPE_NAMES, is_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
      (?P<space>[ \n]+)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>"(?:[^"\\]|\\.|"")*")
    | (?P<placeholder>\{[A-Za-z_][A-Za-z0-9_]*:\ [A-Za-z0-9_(), '"]+\})
    | (?P<number>(?:0x[0-9A-Fa-f]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![A-Za-z_]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<hidden>--|/\*|\*/|//)
    | (?P<symbol><=>|->|::|<=|>=|<>|!=|\|\||[-+*/%=<>(),.\[\]?:])
    """,
    re.VERBOSE | re.DOTALL,
)

_KEYWORDS = """
    ALL AND ANY AS BETWEEN BY CASE CAST CUBE DISTINCT ELSE EXCEPT EXISTS EXTRACT FILTER FROM GLOBAL
    HAVING ILIKE IN INTERSECT INTERVAL IS JOIN LIKE LIMIT NOT OFFSET ON OR OVER PREWHERE QUALIFY REPLACE
    ROLLUP SELECT SETS THEN TRIM UNION USING WHEN WHERE WITH XOR
"""
_BEFORE_PARENTHESIS = frozenset(_KEYWORDS.split())


def check_text(sql: str) -> None:
    """Raise SqlRefused where rendered SQL has a call or a character that we do not know."""
    before: tuple[str, str] = ("symbol", "")
    for kind, text in _tokens(sql):
        if text == "(" and kind == "symbol":
            _check_call(*before)
        before = (kind, text)


def _check_call(kind: str, text: str) -> None:
    if kind == "word" and (text.upper() in _BEFORE_PARENTHESIS or text.casefold() in TYPE_NAMES):
        return
    name = text[1:-1] if kind == "quoted" else text
    if kind in ("word", "quoted") and not is_allowed(name):
        raise SqlRefused(f"{name}(", "a function of the documented list")
    if kind == "string":
        raise SqlRefused(f"{text}(", "no call of a string")


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(sql):
        found = _TOKEN.match(sql, position)
        kind = found.lastgroup if found else None
        if found is None or kind is None or kind == "hidden":
            raise SqlRefused(
                sql[position : position + 20], "plain ASCII outside quotes, no comments and no here-documents"
            )
        position = found.end()
        if kind != "space":
            yield kind, found.group()
