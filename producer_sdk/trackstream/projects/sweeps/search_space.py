"""What a sweep tries: from texts such as `log:1e-4:1e-1` to the values that a parameter may have.

log:LOW:HIGH               a number, each order of magnitude as likely as the other
LOW:HIGH, float:LOW:HIGH   a number, all as likely; float:LOW:HIGH:STEP only LOW, LOW + STEP …
int:LOW:HIGH[:STEP]        a whole number, HIGH included
logint:LOW:HIGH            a whole number, each order of magnitude as likely as the other
choice:A,B,C               one of these texts
fixed:TEXT, and all else   always the same
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from trackstream.projects.near_names import near
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.secret_texts import names_a_secret, redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("log", "float", "int", "logint", "choice", "fixed")
LARGEST_INT = 2**53
"""Whole numbers beyond are not exact in the arithmetic of samplers."""
LARGEST_GRID = 100_000
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER})")
_NUMBERS = re.compile(rf"{_NUMBER}(?::{_NUMBER})+")
_KIND = re.compile(r"([A-Za-z_]+):(?!/)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some texts."""

    options: tuple[str, ...]

    def text(self) -> str:
        """Return how it is written."""
        return f"choice:{','.join(self.options)}"


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`, both included; with a `step` only `low`, `low + step` …"""

    low: float
    high: float
    whole: bool = False
    log: bool = False
    step: float | None = None

    def text(self) -> str:
        """Return how it is written."""
        kind = {(True, True): "logint", (True, False): "int", (False, True): "log", (False, False): "float"}
        step = "" if self.step is None or (self.whole and self.step == 1) else f":{self._one(self.step)}"
        return f"{kind[self.whole, self.log]}:{self._one(self.low)}:{self._one(self.high)}{step}"

    def value(self, number: float) -> str:
        """Return a value as the program gets it: what `float` or `int` reads back as the same number."""
        if self.whole:
            return str(int(number))
        if self.step is not None:
            steps = round((number - self.low) / self.step)
            return repr(float(_exact(self.low) + steps * _exact(self.step)))
        return repr(float(number))

    def _one(self, number: float) -> str:
        return str(int(number)) if self.whole else repr(number)


Searched = Choice | Number


@dataclass(frozen=True, slots=True)
class Space:
    """The parameters of a sweep, in the order in which they were given."""

    searched: Mapping[str, Searched]
    fixed: Mapping[str, str]

    def texts(self) -> dict[str, str]:
        """Return how all of it is written, without secrets; `parse_space` reads it back."""
        fixed = {name: _fixed_text(text) for name, text in redacted(self.fixed).items()}
        return {name: one.text() for name, one in self.searched.items()} | fixed

    def corners(self) -> list[dict[str, str]]:
        """Return values that, between them, have both ends of every range and every choice once."""
        rows: dict[str, list[str]] = {name: _ends(one) for name, one in self.searched.items()}
        most = max((len(row) for row in rows.values()), default=1)
        return [
            {**self.fixed, **{name: row[number % len(row)] for name, row in rows.items()}}
            for number in range(most)
        ]

    def grid(self) -> list[dict[str, str]]:
        """Return all values of the searched parameters with each other, the last one changing fastest.

        Raises InvalidInput for a range that has no end of values, and for more than LARGEST_GRID of them.
        """
        rows = {name: _all_values(name, one) for name, one in self.searched.items()}
        size = math.prod(len(row) for row in rows.values())
        if size > LARGEST_GRID:
            raise InvalidInput("grid", f"{size} trials", f"at most {LARGEST_GRID}")
        return [dict(zip(rows, values, strict=True)) for values in itertools.product(*rows.values())]


def parse_space(given: Mapping[str, str]) -> Space:
    """Read what is to be tried for each parameter. Raises InvalidInput, which names the parameter."""
    searched: dict[str, Searched] = {}
    fixed: dict[str, str] = {}
    for name, text in given.items():
        found = _parsed(name, text)
        if isinstance(found, str):
            fixed[name] = found
        elif names_a_secret(name):
            right = "one value: what is tried of a secret would be recorded"
            raise InvalidInput(f"parameter {name}", redacted({name: text})[name], right)
        else:
            searched[name] = found
    if not searched:
        right = (
            "at least one parameter to try values of, such as lr=log:1e-4:1e-1, n=int:2:8 or opt=choice:a,b"
        )
        raise InvalidInput("parameters of the sweep", list(given), right)
    return Space(searched, fixed)


def _parsed(name: str, text: str) -> Searched | str:
    field = f"parameter {name}"
    if match := _RANGE.fullmatch(text):
        return _number(field, text, "float", list(match.groups()))
    if _NUMBERS.fullmatch(text):
        right = f"float:{text} for a range with steps, or fixed:{text} for the text itself"
        raise InvalidInput(field, text, right)
    match = _KIND.fullmatch(text)
    if match is None:
        return text
    kind, rest = match[1], match[2]
    if kind == "fixed":
        return rest
    if kind == "choice":
        return _choice(field, text, rest)
    if kind in KINDS:
        return _number(field, text, kind, rest.split(":"))
    close = near(kind, KINDS)
    if close or _RANGE.fullmatch(rest):
        known = ", ".join(f"{one}:" for one in KINDS)
        hint = f"; did you mean {close[0]}:{rest}?" if close else ""
        raise InvalidInput(field, text, f"a value, or one of {known} first (fixed:{text} is the text){hint}")
    return text


def _choice(field: str, text: str, rest: str) -> Choice:
    options = tuple(option.strip() for option in rest.split(","))
    if len(options) < 2 or "" in options or len(set(options)) < len(options):
        raise InvalidInput(field, text, "choice: and at least two different values between commas")
    return Choice(options)


def _number(field: str, text: str, kind: str, words: list[str]) -> Number:
    whole, log = kind in ("int", "logint"), kind in ("log", "logint")
    form = f"{kind}:LOW:HIGH" if log else f"{kind}:LOW:HIGH or {kind}:LOW:HIGH:STEP"
    if len(words) not in ((2,) if log else (2, 3)):
        raise InvalidInput(field, text, form)
    numbers = [_read(field, text, word, whole, form) for word in words]
    low, high = numbers[0], numbers[1]
    if low >= high:
        raise InvalidInput(field, text, f"{form} with LOW below HIGH")
    if log and low <= 0:
        raise InvalidInput(field, text, f"{form} with LOW above 0, since it is tried by orders of magnitude")
    if not math.isfinite(high - low):
        raise InvalidInput(field, text, f"{form} whose width is a number")
    if len(numbers) == 2:
        return Number(low, high, whole, log)
    step = numbers[2]
    if step <= 0 or _exact(step) > _exact(high) - _exact(low):
        raise InvalidInput(field, text, f"{form} with a STEP above 0 and at most HIGH - LOW")
    if (_exact(high) - _exact(low)) / _exact(step) > LARGEST_INT:
        raise InvalidInput(field, text, f"{form} with a larger STEP")
    # Samplers want the highest value itself.
    steps = (_exact(high) - _exact(low)) // _exact(step)
    return Number(low, float(_exact(low) + steps * _exact(step)), whole, log, step)


def _read(field: str, text: str, word: str, whole: bool, form: str) -> float:
    if whole:
        if not re.fullmatch(r"[+-]?\d+", word.strip(), re.ASCII) or abs(int(word)) > LARGEST_INT:
            raise InvalidInput(field, text, f"{form} with whole numbers of at most {LARGEST_INT}")
        return float(int(word))
    if not re.fullmatch(_NUMBER, word.strip(), re.ASCII) or not math.isfinite(float(word)):
        raise InvalidInput(field, text, f"{form} with numbers")
    return float(word)


def _exact(number: float) -> Decimal:
    """Return the decimal number that somebody wrote, not the binary one nearest to it."""
    return Decimal(repr(number))


def _ends(one: Searched) -> list[str]:
    if isinstance(one, Choice):
        return list(one.options)
    return [one.value(one.low), one.value(one.high)]


def _all_values(name: str, one: Searched) -> list[str]:
    if isinstance(one, Choice):
        return list(one.options)
    step = one.step if one.step is not None or not one.whole else 1.0
    if step is None or (one.log and one.high - one.low >= LARGEST_GRID):
        right = "choice:A,B,C or a range with steps (float:LOW:HIGH:STEP, int:LOW:HIGH) for a grid"
        raise InvalidInput(f"parameter {name}", one.text(), right)
    count = int((_exact(one.high) - _exact(one.low)) // _exact(step)) + 1
    if count > LARGEST_GRID:
        raise InvalidInput(f"parameter {name}", one.text(), f"at most {LARGEST_GRID} values for a grid")
    return [one.value(float(_exact(one.low) + number * _exact(step))) for number in range(count)]


def _fixed_text(text: str) -> str:
    """Return how a fixed text is written so that it is read as one."""
    try:
        if _parsed("", text) == text:
            return text
    except InvalidInput:
        pass
    return f"fixed:{text}"
