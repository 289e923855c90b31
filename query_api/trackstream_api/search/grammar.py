"""From the tokens of a filter to its comparisons, in the words of a vocabulary.

filter      = [ comparison { AND comparison } ]
comparison  = identifier operator literal
            | identifier [NOT] IN ( string { , string } )
            | identifier IS [NOT] NULL
identifier  = [ entity . ] key          key: bare, "double-quoted" or `back-ticked`
operator    = = != < <= > >= LIKE ILIKE
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from trackstream_api.errors import FilterSyntaxError
from trackstream_api.search.tokens import Token, tokenize

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMERIC: Final = ("=", "!=", "<", "<=", ">", ">=")
STRING: Final = ("=", "!=", "LIKE", "ILIKE")
LISTS: Final = ("IN", "NOT IN")
PRESENCE: Final = ("IS NULL", "IS NOT NULL")
MAX_COMPARISONS: Final = 100
"""The engine's parser nests as deep as there are conditions, and has a limit of its own."""
MAX_JOINS: Final = 20
"""Comparisons of metrics, params, tags and data sets: each is a join, and planning many takes the engine very
long."""

Entity = Literal[
    "metric", "param", "tag", "attribute", "dataset", "metadata", "feedback", "expectation", "issue"
]
_DATASET_KEYS: Final = {"name": "name", "digest": "digest", "context": "context"}


@dataclass(frozen=True, slots=True)
class Identifier:
    """What is compared or sorted by: an attribute, or the key of a metric, param, tag or data set."""

    entity: Entity
    key: str
    position: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What an identifier may be compared with."""

    numeric: bool
    operators: tuple[str, ...]
    numeric_operators: tuple[str, ...] = ()
    """Of a text: operators that compare it with a number."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names and operators of one kind of search."""

    entities: Mapping[str, Entity]
    attributes: Mapping[str, str]
    """Every accepted name to the attribute it means."""
    numeric_attributes: frozenset[str]
    attribute_operators: Mapping[str, tuple[str, ...]]
    """Of string attributes whose operators are not the common ones."""
    presence: frozenset[Entity]
    """Entities that know IS NULL."""
    example: str
    quoted_numbers: bool = False
    """Whether whole numbers may also stand in quotes."""

    def subject(self, identifier: Identifier) -> Subject:
        presence = PRESENCE if identifier.entity in self.presence else ()
        match identifier.entity:
            case "metric":
                return Subject(True, NUMERIC)
            case "dataset":
                return Subject(False, STRING + LISTS)
            case "param" | "tag":
                return Subject(False, STRING + presence)
        if identifier.key in self.numeric_attributes:
            return Subject(True, NUMERIC)
        return Subject(False, self.attribute_operators.get(identifier.key, STRING))

    def keys_of(self, entity: Entity) -> Mapping[str, str] | None:
        """Return the keys that the entity has, or None where it may have any."""
        if entity == "attribute":
            return self.attributes
        return _DATASET_KEYS if entity == "dataset" else None

    def attributes_wanted(self, found: str) -> str:
        near = difflib.get_close_matches(found, list(self.attributes), 1)
        guess = f"; did you mean {near[0]}?" if near else ""
        names = ", ".join(sorted(set(self.attributes.values())))
        return f"one of the attributes {names}, or {self.entities_wanted(short=True)}{guess}"

    def entities_wanted(self, short: bool = False) -> str:
        names = " ".join(f"{name}.KEY" for name in self.entities if name.endswith("s"))
        return names if short else f"one of {names}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition. The value is None for IS [NOT] NULL and a tuple for [NOT] IN."""

    identifier: Identifier
    operator: str
    value: str | int | float | tuple[str, ...] | None


def parse_filter(text: str, vocabulary: Vocabulary, field: str = "filter") -> tuple[Comparison, ...]:
    """Return the comparisons, all of which must hold: at most 100, 20 of keys. Raises FilterSyntaxError."""
    parser = Parser(text, vocabulary, field)
    if parser.at_end:
        return ()
    comparisons = [parser.comparison()]
    joins = int(_is_joined(comparisons[0]))
    while not parser.at_end:
        token = parser.take()
        if not token.is_keyword("AND"):
            hint = " (OR is not part of the grammar)" if token.is_keyword("OR") else ""
            raise parser.wrong(token, f"AND and another comparison, or the end{hint}")
        if len(comparisons) == MAX_COMPARISONS:
            raise parser.wrong(token, f"the end: a filter has at most {MAX_COMPARISONS} comparisons")
        comparison = parser.comparison()
        joins += _is_joined(comparison)
        if joins > MAX_JOINS:
            wanted = f"at most {MAX_JOINS} comparisons of metrics, params, tags and datasets"
            raise FilterSyntaxError(
                field, text, comparison.identifier.position, comparison.identifier.key, wanted
            )
        comparisons.append(comparison)
    return tuple(comparisons)


def _is_joined(comparison: Comparison) -> bool:
    return comparison.identifier.entity != "attribute"


class Parser:
    """Takes tokens from the front; every error names the token where it arose."""

    def __init__(self, text: str, vocabulary: Vocabulary, field: str) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.field = field
        self._tokens = tokenize(text, field)
        self._next = 0

    @property
    def at_end(self) -> bool:
        return self.peek().kind == "end"

    def peek(self) -> Token:
        return self._tokens[self._next]

    def take(self) -> Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def wrong(self, token: Token, expected: str) -> FilterSyntaxError:
        return FilterSyntaxError(self.field, self.text, token.position, token.text, expected)

    def comparison(self) -> Comparison:
        identifier = self.identifier()
        subject = self.vocabulary.subject(identifier)
        start = self.peek()
        operator = self._operator(identifier, subject)
        if operator in PRESENCE:
            return Comparison(identifier, operator, None)
        if operator in LISTS:
            return Comparison(identifier, operator, self._strings(identifier))
        if subject.numeric or operator in subject.numeric_operators:
            return Comparison(identifier, operator, self._number(identifier, start))
        return Comparison(identifier, operator, self._string(identifier))

    def identifier(self) -> Identifier:
        """Take `key`, `entity.key`; a bare key may have dots itself (tags.mlflow.user)."""
        first = self.take()
        if first.kind == "number":
            raise self.wrong(first, f"a name first, then an operator: {self.vocabulary.example}")
        if first.kind not in ("word", "quoted") or first.quote == "'":
            raise self.wrong(first, f"a comparison such as {self.vocabulary.example}")
        if self.peek().kind != "dot":
            if first.is_keyword("AND", "OR", "NOT"):
                raise self.wrong(first, f"a comparison such as {self.vocabulary.example}")
            key = self.vocabulary.attributes.get(first.value)
            if key is None:
                raise self.wrong(first, self.vocabulary.attributes_wanted(first.value))
            return Identifier("attribute", key, first.position)
        entity = self.vocabulary.entities.get(first.value)
        if entity is None or first.quote == '"':
            raise self.wrong(first, self.vocabulary.entities_wanted())
        return Identifier(entity, self._key(entity), first.position)

    def _key(self, entity: Entity) -> str:
        dot = self.take()
        token = self.take()
        if token.position != dot.end or token.kind not in ("word", "quoted") or token.quote == "'":
            raise self.wrong(token, 'a key right after the dot: bare, "double-quoted" or `back-ticked`')
        parts = [token.value]
        if not token.quote:
            while self.peek().kind == "dot" and self.peek().position == token.end:
                dot = self.take()
                token = self.take()
                if token.kind != "word" or token.position != dot.end:
                    raise self.wrong(
                        token, "the rest of the key; put a key that ends in a dot into back-ticks"
                    )
                parts.append(token.value)
        key = ".".join(parts)
        known = self.vocabulary.keys_of(entity)
        if known is None:
            return key
        if key not in known:
            raise self.wrong(token, f"one of the {entity} keys {', '.join(sorted(set(known.values())))}")
        return known[key]

    def _operator(self, identifier: Identifier, subject: Subject) -> str:
        token = self.take()
        operator = token.text.upper()
        if token.is_keyword("NOT"):
            operator = f"NOT {self._keyword('IN')}"
        elif token.is_keyword("IS"):
            negated = "NOT " if self.peek().is_keyword("NOT") and self.take() else ""
            operator = f"IS {negated}{self._keyword('NULL')}"
        if operator not in subject.operators:
            wanted = ", ".join(subject.operators)
            raise self.wrong(token, f"an operator for {identifier.entity} {identifier.key!r}: {wanted}")
        return operator

    def _keyword(self, keyword: str) -> str:
        token = self.take()
        if not token.is_keyword(keyword):
            raise self.wrong(token, keyword)
        return keyword

    def _number(self, identifier: Identifier, operator: Token) -> int | float:
        token = self.take()
        if self.vocabulary.quoted_numbers and token.kind == "quoted" and token.value.strip().isdecimal():
            return int(token.value[:40])
        if token.kind != "number":
            what = f"{identifier.entity} {identifier.key!r}"
            raise self.wrong(
                token, f"a number to compare {what} with, not in quotes, as in {operator.text} 0.5"
            )
        digits = token.text.lstrip("+-")
        if digits.isdigit():
            # Beyond 40 digits no integer column could tell the difference.
            return int(token.text) if len(digits) <= 40 else float(token.text)
        return float(token.text)

    def _string(self, identifier: Identifier) -> str:
        token = self.take()
        if token.kind != "quoted" or token.quote == "`":
            what = f"{identifier.entity} {identifier.key!r}"
            shown = token.text if token.kind in ("word", "number") else "value"
            raise self.wrong(token, f"a string in quotes to compare {what} with, as in '{shown}'")
        return token.value

    def _strings(self, identifier: Identifier) -> tuple[str, ...]:
        opening = self.take()
        if opening.kind != "open":
            raise self.wrong(opening, "a list of strings, as in ('a', 'b')")
        values = [self._string(identifier)]
        while True:
            token = self.take()
            if token.kind == "close":
                return tuple(values)
            if token.kind != "comma":
                raise self.wrong(token, "a comma and another string, or a closing parenthesis")
            if self.peek().kind == "close":
                self.take()
                return tuple(values)
            values.append(self._string(identifier))
