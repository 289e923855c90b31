"""What runs and experiments can be searched and sorted by, under all the names MLflow gives it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trackstream_api.search.grammar import LISTS, NUMERIC, PRESENCE, STRING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_api.search.grammar import Identifier

Entity = Literal[
    "metric", "param", "tag", "attribute", "dataset", "metadata", "feedback", "expectation", "issue"
]


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
        return DATASET_KEYS if entity == "dataset" else None

    def attributes_wanted(self, found: str) -> str:
        near = difflib.get_close_matches(found, list(self.attributes), 1)
        guess = f"; did you mean {near[0]}?" if near else ""
        names = ", ".join(sorted(set(self.attributes.values())))
        return f"one of the attributes {names}, or {self.entities_wanted(short=True)}{guess}"

    def entities_wanted(self, short: bool = False) -> str:
        names = " ".join(f"{name}.KEY" for name in self.entities if name.endswith("s"))
        return names if short else f"one of {names}"


DATASET_KEYS = {"name": "name", "digest": "digest", "context": "context"}

RUNS = Vocabulary(
    entities={
        "metrics": "metric",
        "metric": "metric",
        "params": "param",
        "parameters": "param",
        "parameter": "param",
        "param": "param",
        "tags": "tag",
        "tag": "tag",
        "attributes": "attribute",
        "attribute": "attribute",
        "attr": "attribute",
        "run": "attribute",
        "datasets": "dataset",
        "dataset": "dataset",
    },
    attributes={
        "artifact_uri": "artifact_uri",
        "duration": "duration",
        "end_time": "end_time",
        "run_id": "run_id",
        "run_name": "run_name",
        "start_time": "start_time",
        "status": "status",
        "user_id": "user_id",
        "created": "start_time",
        "Created": "start_time",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
    },
    numeric_attributes=frozenset({"start_time", "end_time", "duration"}),
    attribute_operators={"run_id": STRING + LISTS},
    presence=frozenset({"param", "tag"}),
    example="metrics.loss < 0.5",
)

EXPERIMENTS = Vocabulary(
    entities={"tags": "tag", "tag": "tag", "attributes": "attribute", "attribute": "attribute"},
    attributes={
        "creation_time": "creation_time",
        "experiment_id": "experiment_id",
        "last_update_time": "last_update_time",
        "name": "name",
    },
    numeric_attributes=frozenset({"creation_time", "last_update_time"}),
    attribute_operators={"experiment_id": ("=", "!=", *LISTS)},
    presence=frozenset({"tag"}),
    example="name LIKE 'vision%'",
)
