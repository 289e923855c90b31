"""The fluent API, as a training script uses it."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.integration.processes import Server


def test_a_training_run_is_read_back(tracked: Any) -> None:
    tracked.set_experiment(f"training {new_id()}")
    with tracked.start_run(run_name="first", tags={"team": "vision"}, description="a try") as run:
        tracked.log_param("lr", 0.1)
        tracked.log_params({"layers": 3, "optimiser": "adam"})
        for step in range(5):
            tracked.log_metric("loss", 1 / (step + 1), step=step)
        tracked.log_metrics({"nan": math.nan, "up": math.inf, "down": -math.inf}, step=7)
        tracked.set_tags({"a/b.c-d e:f": "ü"})
        tracked.log_dict({"epochs": 5}, "config/run.json")
    found = tracked.get_run(run.info.run_id)
    assert (found.info.status, found.info.run_name, found.info.lifecycle_stage) == (
        "FINISHED",
        "first",
        "active",
    )
    assert found.info.end_time >= found.info.start_time
    assert found.data.params == {"lr": "0.1", "layers": "3", "optimiser": "adam"}
    assert found.data.metrics["loss"] == 0.2
    assert math.isnan(found.data.metrics["nan"])
    assert (found.data.metrics["up"], found.data.metrics["down"]) == (math.inf, -math.inf)
    tags = found.data.tags
    assert (tags["team"], tags["a/b.c-d e:f"], tags["mlflow.runName"]) == ("vision", "ü", "first")
    assert tags["mlflow.note.content"] == "a try"
    assert tracked.artifacts.load_dict(f"{found.info.artifact_uri}/config/run.json") == {"epochs": 5}


def test_nested_runs_know_their_parent(tracked: Any) -> None:
    tracked.set_experiment(f"nested {new_id()}")
    with tracked.start_run() as parent:
        children = []
        for _ in range(2):
            with tracked.start_run(nested=True) as child:
                tracked.log_metric("x", 1)
                children.append(child.info.run_id)
    assert tracked.get_parent_run(children[0]).info.run_id == parent.info.run_id
    wanted = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    found = tracked.search_runs(filter_string=wanted, output_format="list")
    assert {run.info.run_id for run in found} == set(children)


def test_a_run_that_raises_has_failed_and_can_be_resumed(tracked: Any) -> None:
    tracked.set_experiment(f"failing {new_id()}")
    with pytest.raises(RuntimeError), tracked.start_run() as run:
        raise RuntimeError
    assert tracked.get_run(run.info.run_id).info.status == "FAILED"
    with tracked.start_run(run_id=run.info.run_id):
        assert tracked.get_run(run.info.run_id).info.status == "RUNNING"
    assert tracked.get_run(run.info.run_id).info.status == "FINISHED"


def test_a_generated_run_name_is_a_tag_as_well(tracked: Any) -> None:
    with tracked.start_run(experiment_id="0") as run:
        pass
    found = tracked.get_run(run.info.run_id)
    assert found.info.run_name
    assert found.data.tags["mlflow.runName"] == found.info.run_name


def test_ten_clients_that_set_one_experiment_agree(tracking_server: Server) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    name = f"contested {new_id()}"
    start = threading.Barrier(10)

    def contend(_: int) -> str:
        client = MlflowClient(tracking_server.url)
        start.wait()
        try:
            return str(client.create_experiment(name))
        except MlflowException as error:
            return str(error.error_code)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(contend, range(10)))
    lost = [answer for answer in answers if answer == "RESOURCE_ALREADY_EXISTS"]
    (made,) = set(answers) - set(lost)
    assert len(lost) == 9
    assert MlflowClient(tracking_server.url).get_experiment_by_name(name).experiment_id == made


def test_metrics_logged_asynchronously_all_arrive(tracked: Any) -> None:
    with tracked.start_run(experiment_id="0") as run:
        futures = [tracked.log_metric("loss", value, step=value, synchronous=False) for value in range(50)]
        for future in futures:
            future.wait()
    history = tracked.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [point.value for point in history] == list(range(50))


def test_log_input_and_search_by_dataset(tracked: Any) -> None:
    import pandas

    experiment = tracked.set_experiment(f"inputs {new_id()}")
    data = tracked.data.from_pandas(pandas.DataFrame({"x": [1.0, 2.0]}), name="numbers")
    with tracked.start_run() as run:
        tracked.log_input(data, context="training")
        tracked.log_input(data, context="training")
    (found,) = tracked.get_run(run.info.run_id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("numbers", data.digest)
    assert {tag.key: tag.value for tag in found.tags} == {"mlflow.data.context": "training"}
    wanted = {"experiment_ids": [experiment.experiment_id], "output_format": "list"}
    assert len(tracked.search_runs(filter_string="datasets.context = 'training'", **wanted)) == 1
    assert tracked.search_runs(filter_string="datasets.name = 'letters'", **wanted) == []
