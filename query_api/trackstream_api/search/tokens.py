"""Cutting a filter into tokens that know where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from trackstream_api.errors import FilterSyntaxError

Kind = Literal["word", "quoted", "number", "operator", "dot", "comma", "open", "close", "end"]

_PATTERN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w]))
    | (?P<word>[\w$@]+)
    | (?P<quoted>'(?:''|[^'])*'|"(?:""|[^"])*"|`(?:``|[^`])*`)
    | (?P<operator>!=|<=|>=|=|<|>)
    | (?P<dot>\.)
    | (?P<comma>,)
    | (?P<open>\()
    | (?P<close>\))
    """,
    re.VERBOSE,
)

_KEY = re.compile(r"[\w$@]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text. `value` is what a quoted piece holds, else the text itself."""

    kind: Kind
    text: str
    value: str
    position: int

    @property
    def end(self) -> int:
        return self.position + len(self.text)

    @property
    def quote(self) -> str:
        """The quotation mark of a quoted piece, else empty."""
        return self.text[0] if self.kind == "quoted" else ""

    def is_keyword(self, *keywords: str) -> bool:
        return self.kind == "word" and self.text.upper() in keywords


def tokenize(text: str, field: str) -> list[Token]:
    """Return the tokens of the text and a last one of kind "end". Raises FilterSyntaxError.

    A quotation mark inside a quoted piece is written twice; a backslash stands for itself.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        adjacent = tokens[-1] if tokens and tokens[-1].end == position else None
        # Right after a name a dot is no decimal point, and right after that dot anything is a key:
        # metrics.5 and metrics.1e5 are metrics.
        if adjacent and adjacent.kind in ("word", "quoted") and text[position] == ".":
            tokens.append(Token("dot", ".", ".", position))
            position += 1
            continue
        key = _KEY.match(text, position) if adjacent and adjacent.kind == "dot" else None
        if key is not None:
            tokens.append(Token("word", key.group(), key.group(), position))
            position = key.end()
            continue
        found = _PATTERN.match(text, position)
        if found is None:
            raise _unreadable(text, position, field)
        kind, piece = found.lastgroup, found.group()
        if kind != "space":
            value = piece[1:-1].replace(piece[0] * 2, piece[0]) if kind == "quoted" else piece
            tokens.append(Token(kind, piece, value, position))  # type: ignore[arg-type]  # the group's name
        position = found.end()
    tokens.append(Token("end", "", "", len(text)))
    return tokens


def _unreadable(text: str, position: int, field: str) -> FilterSyntaxError:
    character = text[position]
    if character in "'\"`":
        return FilterSyntaxError(field, text, position, text[position:][:20], f"a closing {character}")
    if character in "-/+:#*%&~^\\|[]{}?":
        example = f"metrics.`val{character}loss`"
        expected = f"no {character!r} here: put a key with such characters into back-ticks, as in {example}"
        return FilterSyntaxError(field, text, position, character, expected)
    return FilterSyntaxError(
        field, text, position, character, "a comparison such as metrics.loss < 0.5, joined to others with AND"
    )
