"""Which ids experiments get, and how histories become batches."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.transfer.mlflow_facts import History, Places, experiment_id_for, metric_batches
from trackstream_schemas.ids import experiment_id_of


def test_an_experiment_keeps_its_id_where_it_is_free() -> None:
    assert experiment_id_for("3", "a", {"0": "Default"}, by_name=False) == "3"
    assert experiment_id_for("0", "renamed", {"0": "Default"}, by_name=True) == "0"


def test_an_experiment_of_the_same_name_is_the_same() -> None:
    assert experiment_id_for("3", "a", {"77": "a", "3": "b"}, by_name=False) == "77"


def test_a_taken_id_gives_way_to_the_one_of_the_name() -> None:
    assert experiment_id_for("3", "a", {"3": "b"}, by_name=False) == experiment_id_of("a")
    assert experiment_id_for("3", "a", {}, by_name=True) == experiment_id_of("a")
    known = {"3": "b", experiment_id_of("a"): "renamed since"}
    assert experiment_id_for("3", "a", known, by_name=False) == experiment_id_of("a", 1)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.floats(), max_size=12)), max_size=6),
    st.integers(1, 9),
)
def test_batches_hold_every_point_once_and_in_order(
    histories: list[tuple[str, list[float]]], most: int
) -> None:
    found = [
        History(key, np.arange(len(values)), np.arange(len(values)) + 7, np.array(values, dtype=np.float64))
        for key, values in histories
    ]
    batches = list(metric_batches("r", found, most))
    assert all(len(batch) == most for batch in batches[:-1])
    told = [
        (batch.keys[index], int(step), int(at), repr(value))
        for batch in batches
        for index, step, at, value in zip(
            batch.key_index, batch.steps, batch.timestamps, batch.values.tolist(), strict=True
        )
    ]
    assert told == [
        (key, step, step + 7, repr(value)) for key, values in histories for step, value in enumerate(values)
    ]


def test_places_follow_whole_folders_only() -> None:
    places = Places()
    info = SimpleNamespace(run_id="r1", artifact_uri="s3://b/1/r1/artifacts")
    places.add_run(SimpleNamespace(info=info), "9")
    assert places.of("s3://b/1/r1/artifacts/model") == "mlflow-artifacts:/9/r1/artifacts/model"
    assert places.of("s3://b/1/r1/artifacts-other/model") is None
