"""Logged models through the real mlflow package: log_model, autolog, inputs and outputs of runs, searches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def classifier() -> tuple[Any, Any, Any]:
    """A trained classifier with its data."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    features, labels = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(max_iter=200).fit(features, labels), features, labels


def test_a_model_logged_in_a_run_is_its_output_and_can_be_loaded(
    tracked: Any, client: MlflowClient, experiment_id: str, classifier: tuple[Any, Any, Any]
) -> None:
    model, features, _ = classifier
    tracked.set_experiment(experiment_id=experiment_id)
    with tracked.start_run() as run:
        info = tracked.sklearn.log_model(
            model, name="forest", input_example=features[:2], params={"depth": "3"}, tags={"team": "vision"}
        )
        tracked.log_metric("accuracy", 0.9, step=1, model_id=info.model_id)
    logged = tracked.get_logged_model(info.model_id)
    assert (logged.name, logged.status.value, logged.source_run_id) == ("forest", "READY", run.info.run_id)
    assert logged.experiment_id == experiment_id
    assert logged.params == {"depth": "3"}
    assert logged.tags["team"] == "vision"
    assert [(metric.key, metric.value, metric.step, metric.run_id) for metric in logged.metrics] == [
        ("accuracy", 0.9, 1, run.info.run_id)
    ]
    seen = client.get_run(run.info.run_id)
    assert [(output.model_id, output.step) for output in seen.outputs.model_outputs] == [(info.model_id, 0)]
    assert seen.data.metrics == {"accuracy": 0.9}
    loaded = tracked.pyfunc.load_model(f"models:/{info.model_id}")
    assert list(loaded.predict(features[:5])) == list(model.predict(features[:5]))
    assert "MLmodel" in {entry.path for entry in client.list_logged_model_artifacts(info.model_id)}


def test_autolog_of_scikit_learn(
    tracked: Any, client: MlflowClient, experiment_id: str, classifier: tuple[Any, Any, Any]
) -> None:
    from sklearn.linear_model import LogisticRegression

    _, features, labels = classifier
    tracked.set_experiment(experiment_id=experiment_id)
    tracked.sklearn.autolog(log_datasets=True, silent=True)
    try:
        with tracked.start_run() as run:
            fitted = LogisticRegression(max_iter=200).fit(features, labels)
            fitted.score(features, labels)
    finally:
        tracked.sklearn.autolog(disable=True)
    seen = client.get_run(run.info.run_id)
    assert seen.data.params["max_iter"] == "200"
    assert "training_score" in seen.data.metrics
    assert [item.dataset.name for item in seen.inputs.dataset_inputs] == ["dataset"]
    (output,) = seen.outputs.model_outputs
    found = tracked.get_logged_model(output.model_id)
    assert found.source_run_id == run.info.run_id
    measured = {metric.key: metric for metric in found.metrics}
    assert measured["training_score"].value == seen.data.metrics["training_score"]
    assert measured["training_score"].dataset_name == "dataset"


def test_models_and_data_sets_that_a_run_read(tracked: Any, client: MlflowClient, experiment_id: str) -> None:
    import pandas
    from mlflow.entities import LoggedModelInput

    made = client.create_logged_model(experiment_id, name="read")
    run = client.create_run(experiment_id)
    frame = tracked.data.from_pandas(pandas.DataFrame({"a": [1, 2]}), name="numbers")
    tracked.set_experiment(experiment_id=experiment_id)
    with tracked.start_run(run.info.run_id):
        tracked.log_input(frame, context="training", model=LoggedModelInput(made.model_id))
    inputs = client.get_run(run.info.run_id).inputs
    assert [item.model_id for item in inputs.model_inputs] == [made.model_id]
    assert [item.dataset.name for item in inputs.dataset_inputs] == ["numbers"]
    (searched,) = client.search_runs([experiment_id])
    assert [item.model_id for item in searched.inputs.model_inputs] == [made.model_id]


def test_the_life_of_a_model(client: MlflowClient, experiment_id: str) -> None:
    from mlflow.exceptions import MlflowException

    made = client.create_logged_model(
        experiment_id, name="grown", model_type="Agent", params={f"p{n}": "v" for n in range(250)}
    )
    assert (made.status.value, made.model_type, len(made.params)) == ("PENDING", "Agent", 250)
    assert made.artifact_location == f"mlflow-artifacts:/{experiment_id}/models/{made.model_id}/artifacts"
    client.set_logged_model_tags(made.model_id, {"a": "1", "with/slash and space": "2"})
    client.delete_logged_model_tag(made.model_id, "with/slash and space")
    with pytest.raises(MlflowException, match="No tag with key 'b' found for model"):
        client.delete_logged_model_tag(made.model_id, "b")
    ready = client.finalize_logged_model(made.model_id, "READY")
    assert (ready.status.value, ready.tags) == ("READY", {"a": "1"})
    assert ready.last_updated_timestamp >= ready.creation_timestamp == made.creation_timestamp
    client.delete_logged_model(made.model_id)
    with pytest.raises(MlflowException, match=f"Logged model with ID '{made.model_id}' not found") as raised:
        client.get_logged_model(made.model_id)
    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert list(client.search_logged_models([experiment_id])) == []


def test_what_a_model_may_not_be(client: MlflowClient, experiment_id: str) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=r"Invalid model name \('a/b'\) provided") as raised:
        client.create_logged_model(experiment_id, name="a/b")
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(MlflowException, match="No Experiment with id=12345 exists"):
        client.create_logged_model("12345", name="a")
    with pytest.raises(MlflowException) as raised:
        client.get_logged_model("m-missing")
    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_searches(tracked: Any, client: MlflowClient, experiment_id: str) -> None:
    """Four models: 0.1 on train, 0.2 on train and 0.9 on test, NaN on train, none."""
    from mlflow.entities import Metric
    from mlflow.exceptions import MlflowException

    run_id = client.create_run(experiment_id).info.run_id
    models = [
        client.create_logged_model(
            experiment_id, name=f"model-{n}", params={"n": str(n)}, tags={"odd": str(n % 2)}
        )
        for n in range(4)
    ]
    ids = [model.model_id for model in models]

    def measured(model_id: str, value: float, dataset: str, step: int = 0) -> Any:
        return Metric(
            "acc",
            value,
            1000 + step,
            step,
            model_id=model_id,
            dataset_name=dataset,
            dataset_digest="d1",
            run_id=run_id,
        )

    client.log_batch(
        run_id,
        [
            measured(ids[0], 0.1, "train"),
            measured(ids[1], 0.2, "train"),
            measured(ids[1], 0.9, "test", 1),
            measured(ids[2], math.nan, "train"),
        ],
    )

    def found(filter_string: str | None = None, **options: Any) -> list[int]:
        page = client.search_logged_models([experiment_id], filter_string, **options)
        return [ids.index(model.model_id) for model in page]

    by_acc = {"field_name": "metrics.acc"}
    assert found() == [3, 2, 1, 0]
    assert found("name = 'model-2'") == [2]
    assert found("name LIKE 'model-%' AND tags.odd = '1'") == [3, 1]
    assert found("params.n IN ('0', '3')") == [3, 0]
    assert found("metrics.acc > 0.15") == [1]
    assert found("metrics.acc > 0.15", datasets=[{"dataset_name": "test", "dataset_digest": "d1"}]) == [1]
    assert found("metrics.acc > 0.95", datasets=[{"dataset_name": "test", "dataset_digest": "d1"}]) == []
    assert found(datasets=[{"dataset_name": "test", "dataset_digest": "d1"}]) == [1]
    assert found("status = 'PENDING' AND creation_timestamp > 0") == [3, 2, 1, 0]
    assert found(order_by=[by_acc]) == [0, 1, 2, 3]
    assert found(order_by=[by_acc | {"ascending": False}]) == [1, 0, 2, 3]
    on_train = by_acc | {"ascending": False, "dataset_name": "train"}
    assert found(order_by=[on_train]) == [1, 0, 2, 3]
    assert found(order_by=[{"field_name": "name", "ascending": True}]) == [0, 1, 2, 3]
    first = client.search_logged_models([experiment_id], order_by=[by_acc], max_results=3)
    rest = client.search_logged_models(
        [experiment_id], order_by=[by_acc], max_results=3, page_token=first.token
    )
    assert [model.model_id for model in (*first, *rest)] == ids
    assert rest.token is None
    with pytest.raises(MlflowException) as raised:
        found("nonsense.key = 1")
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
