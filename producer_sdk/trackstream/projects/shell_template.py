"""Values in a shell's command line, in such a way that the shell never reads them.

The template is followed as a shell (sh or bash) reads it, so that at each value it is known which quotes are
open: they are closed, the value is put in quotes of its own, and they are opened again. What is not followed
with certainty, such as `$(…)` around a value, is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trackstream.projects.inner_scripts import script_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HOLE = "\x00"
"""Stands for a value in a template."""

_BARE = re.compile(r"[\w@%+:./-]+", re.ASCII)
_RESERVED = frozenset(
    {"case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in"}
    | {"select", "then", "time", "until", "while"}
)
_SUBSTITUTION = re.compile(
    r"\$\{[^{}'\"\\`$\x00\n]*\}"
    r"|\$\(\([\w\s+*/%-]*\)\)"
    r"|\$\((?!\()(?![^)]*\bcase\b)[^()'\"\\`#$<\x00\n]*\)"
    r"|`[^`'\"\\#$<\x00\n]*`",
    re.ASCII,
)
"""Those whose end is certain."""
_VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|[0-9$?!#@*-])", re.ASCII)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)
_ELEMENT = re.compile(r"[A-Za-z_]\w*\[[^\]]*\x00", re.ASCII)
_PREFIXES = frozenset({"!", "{", "builtin", "command", "env", "exec", "nohup", "sudo"}) | _RESERVED
_READ_AGAIN = frozenset(
    {"alias", "declare", "eval", "let", "local", "read", "readonly", "trap", "typeset", "unset"}
)
"""Commands of the shell that take their arguments for something to expand or execute."""
_CONDITION = re.compile(r"\[\[\s(?:\"\$\w+\"|\$\w+|[^\x00'\"`\\$#\[\]])*\s\]\](?=[\s;&|)]|$)", re.ASCII)


class NotSafe(ValueError):
    """A value would stand where it could be read as something else than a value; says where."""


def filled(template: str, values: Sequence[str]) -> str:
    """Return a template with a value for each HOLE in it. Raises NotSafe."""
    reader = _Reader(template)
    reader.read()
    parts: list[str] = []
    last = 0
    for (position, quote), value in zip(reader.holes, values, strict=True):
        parts += (template[last:position], _as_text(template, position, quote, value))
        last = position + 1
    return "".join([*parts, template[last:]])


def check(template: str) -> None:
    """Raise NotSafe where a template cannot be filled."""
    _Reader(template).read()


def _as_text(template: str, position: int, quote: str, value: str) -> str:
    before = template[position - 1] if position else ""
    after = template[position + 1 : position + 2]
    bare = _BARE.fullmatch(value) is not None and value not in _RESERVED
    if quote:
        if bare and re.fullmatch(r"[^\w$]", before, re.ASCII):
            return value
        return quote + _quoted(value) + quote
    if bare and before in (" ", "\t") and after in ("", " ", "\t", "\n"):
        return value
    return _quoted(value)


def _quoted(value: str) -> str:
    # Unlike shlex.quote always in quotes: `2` before `>`, or `A=1` as the first word, is more than a text.
    return "'" + value.replace("'", "'\"'\"'") + "'"


class _Reader:
    """Follows a template from its beginning to its end."""

    def __init__(self, template: str) -> None:
        self.holes: list[tuple[int, str]] = []
        """Position of each, and the quote that is open there."""
        self._text = template
        self._quote = ""
        self._word: str | None = None
        self._words: list[str] = []
        """Of the simple command so far, without quotes."""
        self._to_file = False
        self._copies = False
        """Whether what comes is behind `>&`."""
        self._taken = -1
        """Where the last escape or variable ended."""
        self._lost: str | None = None
        """Since where the template is not followed any more."""

    def read(self) -> None:
        position = 0
        while position < len(self._text):
            if self._text[position] == HOLE:
                self._hole(position)
                position += 1
            elif self._lost is not None:
                position += 1
            elif self._quote == "'":
                position = self._in_single(position)
            elif self._quote:
                position = self._in_double(position)
            else:
                position = self._plain(position)
        if self._quote and self._lost is None:
            raise NotSafe(f"a closing {self._quote}")
        self._end_of_word()

    def _hole(self, position: int) -> None:
        if self._lost is not None:
            raise NotSafe(f"no value in or after {self._lost}")
        if (
            self._quote != "'"
            and position
            and self._text[position - 1] in "$\\"
            and not self._is_over(position)
        ):
            raise NotSafe(f"no {self._text[position - 1]} before a value")
        self.holes.append((position, self._quote))
        self._add(HOLE)

    def _is_over(self, position: int) -> bool:
        """Whether the `$` or backslash before a value was itself the end of something, such as `$$`."""
        return self._taken == position

    def _in_single(self, position: int) -> int:
        character = self._text[position]
        if character == "'":
            self._quote = ""
        else:
            self._add(character)
        return position + 1

    def _in_double(self, position: int) -> int:
        character = self._text[position]
        if character == '"':
            self._quote = ""
        elif character == "\\":
            return self._escaped(position)
        elif character in "$`":
            return self._substitution(position)
        else:
            self._add(character)
        return position + 1

    def _plain(self, position: int) -> int:
        character, following = self._text[position], self._text[position + 1 : position + 2]
        previous = "" if self._taken == position else self._text[position - 1 : position]
        match character:
            case "'" | '"':
                self._quote = character
                self._add("")
            case "\\":
                return self._escaped(position)
            case "$" | "`":
                return self._substitution(position)
            case "#" if self._word is None:
                return self._comment(position)
            case " " | "\t":
                self._end_of_word()
            case "[" if self._word is None and self._command() is None and following == "[":
                return self._condition(position)
            case "<" | ">":
                return self._redirection(position)
            case "&" if following == ">" or previous in ("<", ">"):
                self._end_of_word()
                self._to_file = self._copies = previous in ("<", ">")
            case "|" if previous == ">":
                pass
            case "(" if following == "(":
                self._lost = "((…))"
            case ";" | "&" | "|" | "\n" | "(" | ")":
                self._end_of_word()
                self._words, self._to_file, self._copies = [], False, False
            case _:
                self._add(character)
        return position + 1

    def _escaped(self, position: int) -> int:
        following = self._text[position + 1 : position + 2]
        if following == HOLE:
            return position + 1
        if following != "\n":
            self._add(following)
        self._taken = position + 2
        return position + 2

    def _substitution(self, position: int) -> int:
        following = self._text[position + 1 : position + 2]
        found = _SUBSTITUTION.match(self._text, position) or _VARIABLE.match(self._text, position)
        if found is not None:
            self._add("$")
            self._taken = found.end()
            return found.end()
        if self._text[position] == "`" or (following in ("(", "{", "[") and following):
            closing = {"(": "$(…)", "{": "${…}", "[": "$[…]"}
            self._lost = "`…`" if self._text[position] == "`" else closing[following]
        elif not self._quote and following in ("'", '"') and following:
            self._lost = f"${following}"
        else:
            self._add("$")
        return position + 1

    def _comment(self, position: int) -> int:
        if self._text[position - 1 : position] in ("<", ">"):
            self._lost = "#"
            return position + 1
        end = self._text.find("\n", position)
        end = len(self._text) if end < 0 else end
        if HOLE in self._text[position:end]:
            raise NotSafe("no value in a comment")
        return end

    def _condition(self, position: int) -> int:
        found = _CONDITION.match(self._text, position)
        if found is not None:
            self._add("[[")
            return found.end()
        if re.match(r"\[\[\s", self._text[position:]):
            self._lost = "[[ … ]]"
        self._add("[")
        return position + 1

    def _redirection(self, position: int) -> int:
        if self._word is not None and self._word.isdigit():
            self._word = None
        self._end_of_word()
        self._to_file, self._copies = True, False
        if self._text.startswith("<<<", position):
            return position + 3
        if self._text.startswith("<<", position):
            self._lost = "<<"
        return position + 1

    def _add(self, text: str) -> None:
        self._word = (self._word or "") + text

    def _end_of_word(self) -> None:
        word, self._word = self._word, None
        if word is None:
            return
        if self._to_file:
            if self._copies and HOLE in word:
                # bash expands that word twice, quotes or not.
                raise NotSafe("no value behind >& or <&, but > FILE 2>&1")
            self._to_file = self._copies = False
            return
        if HOLE in word:
            self._check_word(word)
        self._words.append(word)

    def _command(self) -> str | None:
        for one in self._words:
            if one not in _PREFIXES and not one.startswith("-") and not _ASSIGNMENT.match(one):
                return one
        return None

    def _check_word(self, word: str) -> None:
        command = self._command()
        if command in _READ_AGAIN:
            raise NotSafe(f"no value for {command}, which would read it as more than a text")
        if command is None and _ELEMENT.match(word):
            raise NotSafe("no value as the index of an array")
        if command in ("[", "test", "printf") and self._words[-1] == "-v":
            raise NotSafe(f"no value as the name of a variable for {command} -v")
        script = script_of(self._words)
        if word != HOLE and script is not None:
            raise NotSafe(f"no value inside of the script of `{script}`, but behind it, as an argument of it")
