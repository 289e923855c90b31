"""What must be known of a statement before the engine sees it: its kind, its format, where its data begins.

A ClickHouse server reads an INSERT's data from right behind the statement. chDB reads such data only for
some formats, so an insert is cut here into its head and its data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from trackstream_api.clickhouse_front.errors import (
    INTO_OUTFILE_NOT_ALLOWED,
    NOT_IMPLEMENTED,
    SYNTAX_ERROR,
    EngineError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    rb"""(?P<blank>\s+ | --[^\n]* | \#[!\ ][^\n]* | /\*.*?\*/)
    | (?P<quoted>'(?:[^'\\]|\\.)*' | `(?:[^`\\]|\\.)*` | "(?:[^"\\]|\\.)*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9][A-Za-z0-9_.]*)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<semicolon>;)
    | (?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_DATA_BEGINS = re.compile(rb"[ \t]*;?[ \t]*(?:\r?\n)?")
_READS = {"SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "("}


@dataclass(frozen=True)
class Statement:
    """One statement, without the FORMAT clause that ended it.

    `text` is run as it stands, except where `insert_into` is set: then it is an INSERT whose data come in
    `format` and begin at byte `data_at` of what was parsed.
    """

    keyword: str
    text: bytes
    format: str | None = None
    insert_into: bytes | None = None
    insert_settings: bytes = b""
    data_at: int = 0

    @property
    def gives_rows(self) -> bool:
        """Whether it has a result set, even an empty one."""
        return self.keyword in _READS or self.keyword == "KILL"

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing but, perhaps, its session."""
        return self.keyword in _READS or self.keyword in ("SET", "USE")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: bytes
    start: int
    end: int


def parse(sql: bytes) -> Statement:
    """Return what `sql` is.

    Raises EngineError for an empty query, for more than one statement, and for what a server refuses over
    HTTP (INTO OUTFILE, FROM INFILE).
    """
    tokens = _top_level(sql)
    first = next(tokens, None)
    if first is None or first.kind == "semicolon":
        raise EngineError(SYNTAX_ERROR, "Empty query")
    keyword = first.text.decode("latin-1").upper()
    if keyword == "INSERT":
        return _insert(sql, tokens)
    return _other(sql, keyword, tokens)


def _top_level(sql: bytes) -> Iterator[_Token]:
    depth = 0
    for found in _TOKEN.finditer(sql):
        kind = found.lastgroup or "other"
        if kind == "blank":
            continue
        if kind == "close":
            depth = max(0, depth - 1)
        if depth == 0:
            yield _Token(kind, found.group(), found.start(), found.end())
        if kind == "open":
            depth += 1


def _insert(sql: bytes, tokens: Iterator[_Token]) -> Statement:
    settings_at: int | None = None
    previous = b""
    for token in tokens:
        word = token.text.upper() if token.kind == "word" else b""
        if word in (b"SELECT", b"WITH", b"VALUES", b"WATCH"):
            return Statement("INSERT", sql)
        if word == b"INFILE" and previous == b"FROM":
            raise EngineError(NOT_IMPLEMENTED, "INSERT FROM INFILE reads files of the client, not over HTTP")
        if word == b"SETTINGS":
            settings_at = token.start
        elif word == b"FORMAT" and previous not in (b".", b"INTO", b"TABLE"):
            named = next(tokens, None)
            if named is None or named.kind != "word":
                raise EngineError(SYNTAX_ERROR, "Expected the name of a format after FORMAT")
            format_ = named.text.decode("latin-1")
            if format_.upper() == "VALUES":
                return Statement("INSERT", sql)
            begins = _DATA_BEGINS.match(sql, named.end)
            return Statement(
                "INSERT",
                sql,
                format_,
                insert_into=sql[: token.start if settings_at is None else settings_at].rstrip(),
                insert_settings=b"" if settings_at is None else sql[settings_at : token.start].rstrip(),
                data_at=begins.end() if begins else named.end,
            )
        previous = word or token.text
    return Statement("INSERT", sql)


def _other(sql: bytes, keyword: str, following: Iterator[_Token]) -> Statement:
    tokens = list(following)
    for at, token in enumerate(tokens):
        if token.kind == "semicolon":
            if any(rest.kind != "semicolon" for rest in tokens[at:]):
                raise EngineError(SYNTAX_ERROR, "Multi-statements are not allowed")
            sql = sql[: token.start]
            del tokens[at:]
            break
    words = [token.text.upper() if token.kind == "word" else token.text for token in tokens]
    if any(pair == (b"INTO", b"OUTFILE") for pair in pairwise(words)):
        raise EngineError(INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed")
    # The clause ends the query, or only SETTINGS come behind it; anywhere else FORMAT is a name.
    for at in range(len(tokens) - 2, -1, -1):
        last = at + 2 == len(tokens) or words[at + 2] == b"SETTINGS"
        if words[at] == b"FORMAT" and tokens[at + 1].kind == "word" and last and words[at - 1 : at] != [b"."]:
            name = tokens[at + 1]
            return Statement(keyword, sql[: tokens[at].start] + sql[name.end :], name.text.decode("latin-1"))
    return Statement(keyword, sql)
