"""What runs and experiments can be searched and sorted by, under all the names MLflow gives it."""

from __future__ import annotations

from trackstream_api.search.grammar import LISTS, STRING, Vocabulary

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
