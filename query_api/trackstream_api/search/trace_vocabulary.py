"""What traces can be searched and sorted by (mlflow.utils.search_utils.SearchTraceUtils)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trackstream_api.search.grammar import LISTS, NUMERIC, PRESENCE, STRING, Subject, Vocabulary

if TYPE_CHECKING:
    from trackstream_api.search.grammar import Identifier

_PATTERNS: Final = (*STRING, "RLIKE")
_ORDERED: Final = ("<", "<=", ">", ">=")


class TraceVocabulary(Vocabulary):
    """Texts know regular expressions, and assessments are compared as texts or, with < and >, as numbers."""

    def subject(self, identifier: Identifier) -> Subject:
        match identifier.entity:
            case "tag" | "metadata":
                return Subject(False, (*_PATTERNS, *PRESENCE))
            case "feedback" | "expectation":
                return Subject(False, (*_PATTERNS, *_ORDERED, *PRESENCE), _ORDERED)
            case "issue":
                return Subject(False, ("=",))
        if identifier.key in self.numeric_attributes:
            return Subject(True, NUMERIC)
        return Subject(False, self.attribute_operators.get(identifier.key, (*_PATTERNS, *LISTS)))


TRACES = TraceVocabulary(
    entities={
        "attributes": "attribute",
        "attribute": "attribute",
        "trace": "attribute",
        "tags": "tag",
        "tag": "tag",
        "request_metadata": "metadata",
        "metadata": "metadata",
        "feedback": "feedback",
        "expectation": "expectation",
        "issue": "issue",
    },
    attributes={
        "client_request_id": "client_request_id",
        "end_time": "end_time",
        "end_time_ms": "end_time",
        "execution_time": "execution_time",
        "execution_time_ms": "execution_time",
        "experiment_id": "experiment_id",
        "name": "name",
        "prompt": "prompt",
        "request_id": "trace_id",
        "run_id": "run_id",
        "status": "status",
        "timestamp": "timestamp",
        "timestamp_ms": "timestamp",
        "trace_id": "trace_id",
    },
    numeric_attributes=frozenset({"end_time", "execution_time", "timestamp"}),
    attribute_operators={"prompt": ("=",)},
    presence=frozenset({"tag", "metadata", "feedback", "expectation"}),
    example="attributes.status = 'OK'",
)
