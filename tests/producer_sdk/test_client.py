"""The client: experiments and runs by id, checked against the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.producer_sdk.broken_writers import FailingWriter
from tests.producer_sdk.log_contents import bodies, stored
from trackstream.client import Client
from trackstream.errors import AlreadyExists, Conflict, InvalidInput, NotFound, ParamConflict, Unavailable
from trackstream_schemas import events as e
from trackstream_schemas.ids import experiment_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream.log.sqlite import SqliteLogWriter
    from trackstream.settings import Settings


@pytest.fixture
def other(store: Path, settings: Settings) -> Iterator[Client]:
    """Another process's client, as it were."""
    opened = Client(store, settings=settings)
    yield opened
    opened.close(5)


class TestExperiments:
    def test_the_id_follows_from_the_name_and_a_name_is_taken_once(
        self, client: Client, other: Client
    ) -> None:
        assert client.create_experiment("x", "s3://there", {"team": 5}) == experiment_id_of("x")
        client.flush()
        with pytest.raises(AlreadyExists, match="'x'"):
            other.create_experiment("x")
        assert other.get_or_create_experiment("x") == (experiment_id_of("x"), "x")
        other.flush()
        [created] = bodies_of(client, e.ExperimentCreated)
        assert created == e.ExperimentCreated(experiment_id_of("x"), "x", "s3://there", {"team": "5"})

    def test_what_was_just_created_is_known_before_it_is_sent(self, client: Client) -> None:
        client.create_experiment("x")
        with pytest.raises(AlreadyExists):
            client.create_experiment("x")

    def test_a_name_given_away_by_renaming_gets_another_id(self, client: Client) -> None:
        first = client.create_experiment("x")
        client.rename_experiment(first, "y")
        second = client.create_experiment("x")
        assert second == experiment_id_of("x", 1)
        assert client.get_or_create_experiment("x").experiment_id == second
        assert client.get_experiment(first).name == "y"

    def test_deleted_experiments_conflict_until_restored(self, client: Client, other: Client) -> None:
        experiment_id = client.create_experiment("x")
        client.delete_experiment(experiment_id)
        client.flush()
        for act in (
            lambda: other.get_or_create_experiment("x"),
            lambda: other.get_experiment(experiment_id),
            lambda: other.create_run(experiment_id),
            lambda: other.delete_experiment(experiment_id),
        ):
            with pytest.raises(Conflict, match="deleted"):
                act()
        with pytest.raises(AlreadyExists):
            other.create_experiment("x")
        other.restore_experiment(experiment_id)
        assert other.get_or_create_experiment("x").experiment_id == experiment_id
        with pytest.raises(Conflict, match="not deleted"):
            other.restore_experiment(experiment_id)

    def test_a_purged_experiment_begins_anew(self, client: Client) -> None:
        experiment_id = client.create_experiment("x")
        client.producer.emit(e.ExperimentPurged(experiment_id))
        assert client.create_experiment("x") == experiment_id

    def test_unknown_ids_are_not_found_and_the_default_is_made(self, client: Client) -> None:
        for act in (
            client.get_experiment,
            client.create_run,
            client.restore_experiment,
            client.delete_experiment,
        ):
            with pytest.raises(NotFound, match="12345"):
                act("12345")
        assert client.get_experiment("0").name == "Default"
        client.create_run()
        client.flush()
        assert bodies_of(client, e.ExperimentCreated) == [e.ExperimentCreated("0", "Default")]

    def test_the_default_experiment_stays(self, client: Client) -> None:
        with pytest.raises(Conflict, match="default"):
            client.delete_experiment("0")
        with pytest.raises(Conflict, match="default"):
            client.rename_experiment("0", "x")

    @pytest.mark.parametrize("name", ["", "  ", "x" * 501, None, "a\x00b", "\ud800"])
    def test_bad_names_are_refused_with_nothing_written(self, client: Client, name: Any) -> None:
        with pytest.raises(InvalidInput, match="experiment name"):
            client.create_experiment(name)
        with pytest.raises(InvalidInput, match="tag name"):
            client.create_experiment("good", tags={"": "x"})
        client.flush()
        assert stored_bodies(client) == []


class TestRuns:
    def test_a_run_is_found_by_another_client(self, client: Client, other: Client) -> None:
        run = client.create_run(run_name="one", user_id="ann", start_time=5, tags={"k": 1})
        run.log_param("lr", 0.1)
        client.flush()
        found = other.run(run.run_id)
        assert found.info == run.info
        found.log_param("lr", "0.1")
        with pytest.raises(ParamConflict, match=r"'lr'.*'0\.1'.*'0\.2'"):
            found.log_param("lr", 0.2)
        other.flush()
        [started] = bodies_of(client, e.RunStarted)
        assert (started.name, started.user_id, started.start_time) == ("one", "ann", 5)
        assert started.tags == {"k": "1", "mlflow.runName": "one"}
        assert bodies_of(client, e.ParamsLogged) == [e.ParamsLogged(run.run_id, {"lr": "0.1"})]

    def test_unknown_and_deleted_runs(self, client: Client, other: Client) -> None:
        with pytest.raises(NotFound, match="nope"):
            client.log_metric("nope", "a", 1)
        with pytest.raises(InvalidInput, match="run_id"):
            client.run("../x")
        run_id = client.create_run().run_id
        client.delete_run(run_id)
        with pytest.raises(Conflict, match="deleted"):
            client.log_metric(run_id, "a", 1)
        with pytest.raises(Conflict, match="deleted"):
            other.resume_run(run_id)
        other.restore_run(run_id)
        with pytest.raises(Conflict, match="not deleted"):
            other.restore_run(run_id)
        other.log_metric(run_id, "a", 1)
        client.producer.emit(e.RunPurged(run_id))
        client.flush()
        with pytest.raises(NotFound):
            client.run(run_id)

    def test_ends_and_names(self, client: Client) -> None:
        run = client.create_run()
        client.rename_run(run.run_id, "better")
        client.set_terminated(run.run_id, "KILLED", 77)
        with pytest.raises(InvalidInput, match="status: got 'RUNNING'"):
            client.set_terminated(run.run_id, "RUNNING")
        client.flush()
        assert bodies_of(client, e.RunUpdated) == [
            e.RunUpdated(run.run_id, name="better"),
            e.RunUpdated(run.run_id, "KILLED", 77),
        ]
        assert (run.info.run_name, run.info.status, run.info.end_time) == ("better", "KILLED", 77)

    def test_a_run_of_another_experiment_is_not_resumed(self, client: Client) -> None:
        run_id = client.create_run().run_id
        experiment_id = client.create_experiment("x")
        with pytest.raises(Conflict, match="experiment 0"):
            client.resume_run(run_id, experiment_id)

    def test_all_of_one_call_or_nothing(self, client: Client) -> None:
        run = client.create_run()
        run.log_params({"a": 1})
        client.flush()
        before = len(stored_bodies(client))
        calls: list[tuple[Any, Any]] = [
            (run.log_params, {"b": 1, "a": 2}),
            (run.log_params, {"b": 1, "": 2}),
            (run.log_params, {"b": 1, "c": "x" * 6001}),
            (run.log_params, "text"),
            (run.set_tags, {"b": 1, "c": "x" * 8001}),
            (run.set_tags, {"b": 1, "a//b": 1}),
            (run.log_metrics, {"b": 1, "c": "x"}),
            (run.log_metrics, [1]),
            (run.delete_tag, ""),
            (run.log_inputs, [{"name": "d", "digest": "1", "source": "s"}, {"name": "d"}]),
        ]
        for call, value in calls:
            with pytest.raises((InvalidInput, ParamConflict)):
                call(value)
        client.flush()
        assert len(stored_bodies(client)) == before

    def test_datasets(self, client: Client) -> None:
        class Source:
            def to_json(self) -> str:
                return '{"path": "d.csv"}'

        run = client.create_run()
        run.log_inputs(
            [{"name": "d", "digest": "1", "source": Source(), "schema": {"a": "long"}}],
            ["training"],
            [{"owner": "ann"}],
        )
        client.flush()
        [logged] = bodies_of(client, e.InputsLogged)
        assert logged.datasets == [
            e.DatasetInput(
                "d",
                "1",
                "local",
                '{"path": "d.csv"}',
                '{"a": "long"}',
                None,
                {"owner": "ann", "mlflow.data.context": "training"},
            )
        ]


def test_a_log_that_is_away_raises_at_the_start_and_not_later(
    store: Path, settings: Settings, writer: SqliteLogWriter
) -> None:
    brief = settings.model_copy(update={"flush_timeout_s": 0.05})
    away = Client(store, settings=brief, writer=FailingWriter(writer, [Unavailable("away")] * 100_000))
    away.producer.emit(e.RunDeleted("some"))
    with pytest.raises(Unavailable):
        away.create_run()
    away.close(0.01)

    errors: list[Exception] = []
    client = Client(store, settings=brief, writer=FailingWriter(writer, errors))
    client.get_experiment("0")
    client.flush()
    errors += [Unavailable("away")] * 100_000
    run = client.create_run()
    run.log_metric("loss", 1.0)
    nested = client.create_run()
    assert nested.info.experiment_id == "0"
    errors.clear()
    assert client.flush(20)
    assert len(bodies(store, e.RunStarted)) == 2
    client.close(5)


def bodies_of(client: Client, kind: type) -> list[Any]:
    return [body for body in stored_bodies(client) if isinstance(body, kind)]


def stored_bodies(client: Client) -> list[Any]:
    from pathlib import Path

    return [record.event.body for record in stored(Path(client.uri))]
