"""MlflowClient: searches, histories, lifecycles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAN = math.nan


def logged(client: MlflowClient, experiment_id: str, values: list[float | None]) -> list[str]:
    """Make a run for each value of `val_loss`, None for a run without; return their ids."""
    run_ids = []
    for number, value in enumerate(values):
        run = client.create_run(experiment_id, start_time=1_700_000_000_000 + number, run_name=f"r{number}")
        if value is not None:
            client.log_metric(run.info.run_id, "val_loss", value)
        client.log_param(run.info.run_id, "half", str(number // 2))
        run_ids.append(run.info.run_id)
    return run_ids


def test_search_orders_ties_nan_and_missing_values(client: MlflowClient, experiment_id: str) -> None:
    ids = logged(client, experiment_id, [0.5, 0.2, NAN, None, math.inf, 0.2])

    def places(**options: Any) -> list[int]:
        found = client.search_runs([experiment_id], **options)
        return [ids.index(run.info.run_id) for run in found]

    # Ties by start time, the newest first; NaN before what is missing, both behind all numbers.
    assert places(order_by=["metrics.val_loss ASC"]) == [5, 1, 0, 4, 2, 3]
    assert places(order_by=["metrics.val_loss DESC"]) == [4, 0, 5, 1, 2, 3]
    assert places() == [5, 4, 3, 2, 1, 0]
    assert places(order_by=["metrics.val_loss ASC"], max_results=1) == [5]
    assert places(filter_string="metrics.val_loss < 0.5 and params.half = '0'") == [1]
    assert places(filter_string="attributes.run_name = 'r3'") == [3]
    assert places(filter_string="metrics.val_loss > 100") == [4]


def test_pages_of_a_search_cover_it(client: MlflowClient, experiment_id: str) -> None:
    ids = logged(client, experiment_id, [NAN, 1.0, None, 1.0, 0.0])
    found, token = [], None
    while True:
        page = client.search_runs(
            [experiment_id], max_results=2, order_by=["metrics.val_loss DESC"], page_token=token
        )
        found += [ids.index(run.info.run_id) for run in page]
        token = page.token
        if not token:
            break
    assert found == [3, 1, 4, 0, 2]


def test_view_types_and_lives_of_runs_and_experiments(client: MlflowClient, experiment_id: str) -> None:
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    kept, dropped = logged(client, experiment_id, [1.0, 2.0])
    client.delete_run(dropped)

    def found(view: int) -> set[str]:
        return {run.info.run_id for run in client.search_runs([experiment_id], run_view_type=view)}

    assert found(ViewType.ACTIVE_ONLY) == {kept}
    assert found(ViewType.DELETED_ONLY) == {dropped}
    assert found(ViewType.ALL) == {kept, dropped}
    with pytest.raises(MlflowException, match="must be in the 'active' state") as refused:
        client.log_metric(dropped, "val_loss", 1)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"

    client.delete_experiment(experiment_id)
    assert client.get_run(kept).info.lifecycle_stage == "deleted"
    assert experiment_id not in {found.experiment_id for found in client.search_experiments()}
    deleted = client.search_experiments(view_type=ViewType.DELETED_ONLY)
    assert experiment_id in {found.experiment_id for found in deleted}
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.create_run(experiment_id)
    client.restore_experiment(experiment_id)
    assert found(ViewType.ACTIVE_ONLY) == {kept, dropped}


def test_a_param_keeps_its_first_value(client: MlflowClient, experiment_id: str) -> None:
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException

    run_id = client.create_run(experiment_id).info.run_id
    client.log_param(run_id, "lr", "0.1")
    client.log_param(run_id, "lr", "0.1")
    with pytest.raises(MlflowException, match="Changing param values is not allowed") as refused:
        client.log_param(run_id, "lr", "0.2")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(MlflowException, match="Changing param values is not allowed"):
        client.log_batch(run_id, metrics=[Metric("m", 1, 1, 1)], params=[Param("lr", "3"), Param("new", "1")])
    data = client.get_run(run_id).data
    assert (data.params, data.metrics) == ({"lr": "0.1"}, {})


def test_a_history_of_fifty_thousand_points(client: MlflowClient, experiment_id: str) -> None:
    from mlflow.entities import Metric

    run_id = client.create_run(experiment_id).info.run_id
    points = [Metric("loss", step / 7, 1_700_000_000_000 + step, step) for step in range(50_000)]
    for start in range(0, len(points), 1000):
        client.log_batch(run_id, metrics=points[start : start + 1000])
    history = client.get_metric_history(run_id, "loss")
    assert [(point.step, point.timestamp, point.value) for point in history] == [
        (point.step, point.timestamp, point.value) for point in points
    ]
    assert client.get_run(run_id).data.metrics == {"loss": points[-1].value}


def test_a_point_logged_again_is_told_once(client: MlflowClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    for value in (1.5, 1.5, NAN, NAN, 2.5):
        client.log_metric(run_id, "loss", value, timestamp=7, step=3)
    history = client.get_metric_history(run_id, "loss")
    # Ordered by value, where NaN counts as 0.
    assert [str(point.value) for point in history] == ["nan", "1.5", "2.5"]


def test_tags_of_runs_and_experiments(client: MlflowClient, experiment_id: str) -> None:
    from mlflow.exceptions import MlflowException

    run_id = client.create_run(experiment_id, run_name="before").info.run_id
    client.set_tag(run_id, "mlflow.runName", "after")
    client.set_tag(run_id, "gone", "x")
    client.delete_tag(run_id, "gone")
    run = client.get_run(run_id)
    assert run.info.run_name == "after"
    assert "gone" not in run.data.tags
    with pytest.raises(MlflowException, match="No tag with name") as refused:
        client.delete_tag(run_id, "gone")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    client.set_experiment_tag(experiment_id, "note", "x" * 20_000)
    assert client.get_experiment(experiment_id).tags == {"note": "x" * 20_000}
    client.delete_experiment_tag(experiment_id, "note")
    assert client.get_experiment(experiment_id).tags == {}


def test_updating_and_ending_a_run(client: MlflowClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.update_run(run_id, status="SCHEDULED", name="new name")
    found = client.get_run(run_id).info
    assert (found.status, found.run_name, found.end_time) == ("SCHEDULED", "new name", None)
    client.set_terminated(run_id, "KILLED", 1_800_000_000_000)
    found = client.get_run(run_id).info
    assert (found.status, found.end_time) == ("KILLED", 1_800_000_000_000)


def test_an_experiment_with_a_location_of_its_own(client: MlflowClient) -> None:
    made = client.create_experiment(
        f"elsewhere {new_id()}", artifact_location="s3://bucket/dir", tags={"a": "b"}
    )
    run = client.create_run(made)
    assert run.info.artifact_uri == f"s3://bucket/dir/{run.info.run_id}/artifacts"
    assert client.get_run(run.info.run_id).info.artifact_uri == run.info.artifact_uri
    client.rename_experiment(made, f"renamed {new_id()}")
    found = client.get_experiment(made)
    assert found.name.startswith("renamed")
    assert (found.artifact_location, found.tags) == ("s3://bucket/dir", {"a": "b"})
