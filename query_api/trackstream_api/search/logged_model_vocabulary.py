"""What logged models can be searched and sorted by (mlflow.utils.search_logged_model_utils)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.search.grammar import LISTS, NUMERIC, STRING, Subject, Vocabulary

if TYPE_CHECKING:
    from trackstream_api.search.grammar import Identifier


class LoggedModelVocabulary(Vocabulary):
    """All texts know lists."""

    def subject(self, identifier: Identifier) -> Subject:
        numeric = identifier.entity == "metric" or (
            identifier.entity == "attribute" and identifier.key in self.numeric_attributes
        )
        return Subject(True, NUMERIC) if numeric else Subject(False, STRING + LISTS)


LOGGED_MODELS = LoggedModelVocabulary(
    entities={
        "metrics": "metric",
        "metric": "metric",
        "params": "param",
        "param": "param",
        "tags": "tag",
        "tag": "tag",
        "attributes": "attribute",
        "attribute": "attribute",
    },
    attributes={
        "creation_time": "creation_timestamp",
        "creation_timestamp": "creation_timestamp",
        "creation_timestamp_ms": "creation_timestamp",
        "experiment_id": "experiment_id",
        "last_updated_timestamp": "last_updated_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
        "model_id": "model_id",
        "model_type": "model_type",
        "name": "name",
        "source_run_id": "source_run_id",
        "status": "status",
    },
    numeric_attributes=frozenset({"creation_timestamp", "last_updated_timestamp"}),
    attribute_operators={},
    presence=frozenset(),
    example="metrics.accuracy > 0.9",
)
