"""Sort terms: `metrics.val_loss DESC`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.search.grammar import MAX_JOINS, Identifier, Parser
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.search.grammar import Entity, Vocabulary


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One sort key. Missing values come last in both directions; NaN right before them."""

    entity: Entity
    key: str
    ascending: bool


def parse_order_by(terms: Sequence[str], vocabulary: Vocabulary) -> tuple[OrderTerm, ...]:
    """Return the sort keys, most significant first; ascending where a term does not say.

    Raises FilterSyntaxError, and InvalidInput where a key comes twice or there are too many.
    """
    if len(terms) > MAX_JOINS:
        raise InvalidInput("order_by", f"{len(terms)} terms", f"at most {MAX_JOINS}")
    parsed = tuple(_parse_term(term, vocabulary, f"order_by[{index}]") for index, term in enumerate(terms))
    seen: set[tuple[str, str]] = set()
    for index, term in enumerate(parsed):
        if (term.entity, term.key) in seen:
            raise InvalidInput(f"order_by[{index}]", terms[index], "every key once: an earlier term has it")
        seen.add((term.entity, term.key))
    return parsed


def _parse_term(text: str, vocabulary: Vocabulary, field: str) -> OrderTerm:
    parser = Parser(text, vocabulary, field)
    start = parser.peek()
    identifier: Identifier = parser.identifier()
    if identifier.entity == "dataset" or (
        vocabulary.entities.get("metrics") is None and identifier.entity == "tag"
    ):
        raise parser.wrong(start, f"something to sort by; {identifier.entity}s are not")
    ascending = True
    if parser.peek().is_keyword("ASC", "DESC"):
        ascending = parser.take().text.upper() == "ASC"
    if not parser.at_end:
        token = parser.peek()
        raise parser.wrong(token, "ASC, DESC or the end: one key a term, further keys as further terms")
    return OrderTerm(identifier.entity, identifier.key, ascending)
