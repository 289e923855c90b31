"""The fluent functions: MLflow's meanings."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

import trackstream
from tests.producer_sdk.log_contents import bodies, points, stored
from trackstream import destination, sessions
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream.settings import Settings


def updates(store: Path) -> list[tuple[str, str | None]]:
    trackstream.flush()
    return [(body.run_id, body.status) for body in bodies(store, e.RunUpdated)]


def test_a_run_with_everything(fluent: Path) -> None:
    experiment = trackstream.set_experiment("x")
    with trackstream.start_run(run_name="one", tags={"team": "vision"}, description="a try") as run:
        assert trackstream.active_run() is run
        assert trackstream.log_param("lr", 0.1) == 0.1
        trackstream.log_params({"depth": 3})
        trackstream.log_metric("loss", 0.5)
        trackstream.log_metric("loss", 0.25, step=-2, timestamp=99)
        trackstream.log_metrics({"a": 1, "b": 2}, step=3)
        trackstream.set_tag("k", 1)
        trackstream.set_tags({"k2": None})
        trackstream.delete_tag("k")
        trackstream.log_input({"name": "d", "digest": "1", "source": "d.csv"}, context="training")
    run_id = run.info.run_id
    assert run.info.status == "FINISHED"
    [started] = bodies(fluent, e.RunStarted)
    assert (started.run_id, started.experiment_id, started.name) == (run_id, experiment.experiment_id, "one")
    expected = {"team": "vision", "mlflow.note.content": "a try", "mlflow.runName": "one"}
    assert expected.items() <= started.tags.items()
    assert {"mlflow.source.name", "mlflow.source.type", "trackstream.host"} <= started.tags.keys()
    assert bodies(fluent, e.ParamsLogged) == [
        e.ParamsLogged(run_id, {"lr": "0.1"}),
        e.ParamsLogged(run_id, {"depth": "3"}),
    ]
    assert [(p.run_id, p.key, p.step) for p in points(fluent)] == [
        (run_id, "loss", 0),
        (run_id, "loss", -2),
        (run_id, "a", 3),
        (run_id, "b", 3),
    ]
    assert points(fluent)[1].timestamp == 99
    assert bodies(fluent, e.TagsSet) == [e.TagsSet(run_id, {"k": "1"}), e.TagsSet(run_id, {"k2": "None"})]
    assert bodies(fluent, e.TagsDeleted) == [e.TagsDeleted(run_id, ["k"])]
    assert bodies(fluent, e.InputsLogged)[0].datasets[0].tags == {"mlflow.data.context": "training"}
    assert updates(fluent) == [(run_id, "FINISHED")]
    assert trackstream.active_run() is None
    assert trackstream.last_active_run() is run
    assert trackstream.delivery_report().complete


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("x"), "FAILED"),
        (KeyboardInterrupt(), "FAILED"),
        (SystemExit(1), "FAILED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(), "FINISHED"),
    ],
    ids=["exception", "interrupt", "exit-1", "exit-0", "exit"],
)
def test_how_a_block_ends_is_how_the_run_ends(fluent: Path, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), trackstream.start_run() as run:
        raise error
    assert updates(fluent) == [(run.run_id, status)]
    assert trackstream.active_run() is None


def test_nested_runs_name_their_parent_and_end_before_it(fluent: Path) -> None:
    with trackstream.start_run() as parent:
        with pytest.raises(trackstream.Conflict, match=parent.run_id):
            trackstream.start_run()
        with trackstream.start_run(nested=True) as child:
            trackstream.log_metric("inner", 1)
        trackstream.log_metric("outer", 1)
        left_open = trackstream.start_run(nested=True)
    assert updates(fluent) == [
        (child.run_id, "FINISHED"),
        (left_open.run_id, "FINISHED"),
        (parent.run_id, "FINISHED"),
    ]
    _, first, second = bodies(fluent, e.RunStarted)
    assert first.tags["mlflow.parentRunId"] == second.tags["mlflow.parentRunId"] == parent.run_id
    assert [(p.run_id, p.key) for p in points(fluent)] == [(child.run_id, "inner"), (parent.run_id, "outer")]


def test_logging_without_a_run_starts_one(fluent: Path) -> None:
    trackstream.log_metric("loss", 1)
    run = trackstream.active_run()
    assert run is not None
    trackstream.log_param("a", 1)
    assert trackstream.active_run() is run
    trackstream.end_run("KILLED")
    trackstream.end_run()
    assert updates(fluent) == [(run.run_id, "KILLED")]
    assert bodies(fluent, e.ExperimentCreated) == [e.ExperimentCreated("0", "Default")]


def test_a_run_is_resumed_by_its_id(fluent: Path) -> None:
    with trackstream.start_run() as run:
        trackstream.log_param("lr", 1)
    with trackstream.start_run(run_id=run.run_id, run_name="again", tags={"k": "v"}) as again:
        assert again.info.experiment_id == "0"
        with pytest.raises(trackstream.ParamConflict, match=r"'lr'.*'1'.*'2'"):
            trackstream.log_param("lr", 2)
    assert len(bodies(fluent, e.RunStarted)) == 1
    assert updates(fluent) == [
        (run.run_id, "FINISHED"),
        (run.run_id, "RUNNING"),
        (run.run_id, None),
        (run.run_id, "FINISHED"),
    ]
    assert bodies(fluent, e.TagsSet) == [e.TagsSet(run.run_id, {"k": "v"})]


def test_a_run_or_experiment_that_is_not_there_is_an_error(fluent: Path) -> None:
    with pytest.raises(trackstream.NotFound, match="nope"):
        trackstream.start_run(run_id="nope")
    with pytest.raises(trackstream.NotFound, match="777"):
        trackstream.start_run(experiment_id="777")
    with pytest.raises(trackstream.NotFound, match="777"):
        trackstream.set_experiment(experiment_id="777")
    experiment_id = trackstream.create_experiment("x")
    with pytest.raises(trackstream.AlreadyExists):
        trackstream.create_experiment("x")
    trackstream.delete_experiment(experiment_id)
    with pytest.raises(trackstream.Conflict, match="deleted"):
        trackstream.set_experiment("x")
    with pytest.raises(trackstream.Conflict, match="deleted"):
        trackstream.start_run(experiment_id=experiment_id)
    with trackstream.start_run() as run:
        pass
    trackstream.delete_run(run.run_id)
    with pytest.raises(trackstream.Conflict, match="deleted"):
        trackstream.start_run(run_id=run.run_id)
    assert trackstream.active_run() is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"run_name": "x" * 251},
        {"run_name": " "},
        {"tags": {"": "x"}},
        {"tags": {"a": "x" * 8001}},
        {"experiment_id": ""},
        {"run_id": "../x"},
    ],
    ids=str,
)
def test_a_run_with_bad_arguments_is_not_started(fluent: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(trackstream.InvalidInput):
        trackstream.start_run(**{"run_name": None, **arguments})
    trackstream.flush()
    assert bodies(fluent, e.RunStarted) == []
    assert trackstream.active_run() is None


def test_set_experiment_wants_one_of_name_and_id(fluent: Path) -> None:
    for arguments in ({}, {"experiment_name": "x", "experiment_id": "0"}):
        with pytest.raises(trackstream.InvalidInput, match="exactly one"):
            trackstream.set_experiment(**arguments)


def test_a_bad_status_does_not_end_the_run(fluent: Path) -> None:
    with trackstream.start_run() as run:
        with pytest.raises(trackstream.InvalidInput, match="status: got 'DONE'"):
            trackstream.end_run("DONE")
        assert trackstream.active_run() is run


def test_each_thread_has_its_own_active_run(fluent: Path) -> None:
    found: list[Any] = []

    def work() -> None:
        found.append(trackstream.active_run())
        with trackstream.start_run() as run:
            trackstream.log_metric("loss", 1)
            found.append(run.run_id)

    with trackstream.start_run() as mine:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert trackstream.active_run() is mine
    assert found[0] is None
    assert [point.run_id for point in points(fluent)] == [found[1]]


def test_run_id_and_experiment_tags(fluent: Path) -> None:
    with trackstream.start_run() as run:
        pass
    trackstream.log_metric("late", 1, run_id=run.run_id)
    trackstream.set_tag("late", 1, run_id=run.run_id)
    trackstream.set_experiment("x")
    trackstream.set_experiment_tag("k", 1)
    trackstream.flush()
    assert trackstream.active_run() is None
    assert [(point.run_id, point.key) for point in points(fluent)] == [(run.run_id, "late")]
    [tagged] = bodies(fluent, e.ExperimentTagsSet)
    assert tagged.tags == {"k": "1"}


def test_settings_choose_experiment_and_run(
    fluent: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trackstream.start_run() as first:
        pass
    chosen = {"run_id": first.run_id, "experiment_name": "from settings"}
    monkeypatch.setattr(destination, "_settings", settings.model_copy(update=chosen))
    monkeypatch.setattr(sessions, "_resumed_from_settings", False)
    monkeypatch.setattr(sessions, "_clients", {})
    with trackstream.start_run() as resumed:
        assert resumed.run_id == first.run_id
    with trackstream.start_run() as second:
        assert second.run_id != first.run_id
    created = {body.experiment_id: body.name for body in bodies(fluent, e.ExperimentCreated)}
    assert created[second.info.experiment_id] == "from settings"


def test_another_tracking_uri_is_for_later_runs(fluent: Path, tmp_path: Path) -> None:
    trackstream.set_experiment("x")
    with trackstream.start_run() as here:
        trackstream.set_tracking_uri(tmp_path / "other")
        assert trackstream.get_tracking_uri() == str(tmp_path / "other")
        trackstream.log_metric("here", 1)
    with trackstream.start_run() as there:
        trackstream.log_metric("there", 1)
    assert [point.key for point in points(fluent)] == ["here"]
    assert [point.key for point in points(tmp_path / "other")] == ["there"]
    assert here.info.experiment_id == there.info.experiment_id
    assert len(bodies(tmp_path / "other", e.ExperimentCreated)) == 1
    with pytest.raises(trackstream.InvalidInput, match="ftp"):
        trackstream.set_tracking_uri("ftp://broker")


def test_system_metrics_are_logged_with_a_step_of_their_own(fluent: Path) -> None:
    pytest.importorskip("psutil")
    with trackstream.start_run(log_system_metrics=True):
        pass
    system = [point for point in points(fluent) if point.key.startswith("system/")]
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= {
        p.key for p in system
    }
    assert {point.step for point in system} == {0}
    assert stored(fluent)[-1] is not None
    assert not [thread for thread in threading.enumerate() if "system-metrics" in thread.name]


def test_a_client_logs_where_set_tracking_uri_said(fluent: Path) -> None:
    client = trackstream.Client()
    client.create_run("0")
    client.close()
    assert client.uri == trackstream.get_tracking_uri() == str(fluent)
    assert len(bodies(fluent, e.RunStarted)) == 1
