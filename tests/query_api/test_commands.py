"""What a REST write is allowed to become, decided from state alone."""

from __future__ import annotations

import pytest

from trackstream_api import commands
from trackstream_api.models.experiments import CreateExperiment, Experiment
from trackstream_api.models.runs import Run
from trackstream_schemas import events as e
from trackstream_schemas.errors import AlreadyExists, Conflict, InvalidInput
from trackstream_schemas.ids import experiment_id_of


def experiment(experiment_id: str = "7", name: str = "a", stage: str = "active") -> Experiment:
    return Experiment(
        experiment_id=experiment_id,
        name=name,
        artifact_location=None,
        lifecycle_stage=stage,
        created_at=1,
        updated_at=1,
        tags={},
        conflicts=[],
    )


def run(stage: str = "active") -> Run:
    return Run(
        run_id="r",
        experiment_id="7",
        experiment_name="a",
        name="n",
        user_id="",
        status="RUNNING",
        lifecycle_stage=stage,
        start_time=1,
        end_time=None,
        params={},
        tags={},
        metrics={},
        inputs=[],
        model_inputs=[],
        model_outputs=[],
        conflicts=[],
    )


def test_a_new_name_gets_the_id_that_every_producer_derives() -> None:
    made = commands.create_experiment(CreateExperiment(name="vision", tags={"team": "a"}), [], set())
    assert made == e.ExperimentCreated(experiment_id_of("vision"), "vision", None, {"team": "a"})


def test_the_id_of_a_renamed_experiment_is_not_given_again() -> None:
    held = {experiment_id_of("vision"), experiment_id_of("vision", 1)}
    made = commands.create_experiment(CreateExperiment(name="vision"), [], held)
    assert made.experiment_id == experiment_id_of("vision", 2)


def test_a_name_that_was_given_away_too_often() -> None:
    with pytest.raises(Conflict, match="choose another"):
        commands.create_experiment(CreateExperiment(name="vision"), [], set(commands.candidate_ids("vision")))


@pytest.mark.parametrize(("stage", "told"), [("active", "exists already"), ("deleted", "restore it")])
def test_a_taken_name(stage: str, told: str) -> None:
    bearer = experiment(name="vision", stage=stage)
    with pytest.raises(AlreadyExists, match=told):
        commands.create_experiment(CreateExperiment(name="vision"), [bearer], set())
    with pytest.raises(AlreadyExists, match=told):
        commands.rename_experiment(experiment(), "vision", [bearer])


def test_renaming_to_the_same_name_is_no_event() -> None:
    assert commands.rename_experiment(experiment(), "a", [experiment()]) == []


def test_a_new_name_of_a_run() -> None:
    assert commands.rename_run(run(), "other") == [e.RunUpdated("r", None, None, "other")]
    assert commands.rename_run(run(), "n") == []
    with pytest.raises(InvalidInput, match="name"):
        commands.rename_run(run(), "  ")


def test_the_default_experiment_is_kept() -> None:
    default = experiment("0", "Default")
    with pytest.raises(Conflict, match="cannot be deleted"):
        commands.delete_experiment(default)
    with pytest.raises(Conflict, match="cannot be renamed"):
        commands.rename_experiment(default, "other", [])


def test_what_is_deleted_takes_nothing_but_a_restore() -> None:
    gone = experiment(stage="deleted")
    assert commands.restore_experiment(gone) == e.ExperimentRestored("7")
    assert commands.restore_run(run("deleted")) == e.RunRestored("r")
    for act in (
        lambda: commands.delete_experiment(gone),
        lambda: commands.rename_experiment(gone, "b", []),
        lambda: commands.tag_experiment(gone, {"k": "v"}),
        lambda: commands.delete_run(run("deleted")),
        lambda: commands.rename_run(run("deleted"), "b"),
        lambda: commands.tag_run(run("deleted"), {"k": "v"}),
        lambda: commands.untag_run(run("deleted"), "k"),
    ):
        with pytest.raises(Conflict, match="deleted; restore it first"):
            act()


def test_what_is_active_cannot_be_restored() -> None:
    with pytest.raises(Conflict, match="not deleted"):
        commands.restore_experiment(experiment())
    with pytest.raises(Conflict, match="not deleted"):
        commands.restore_run(run())


@pytest.mark.parametrize("tags", [{"": "v"}, {"../x": "v"}, {"k": "v" * 8001}, {"k" * 251: "v"}])
def test_bad_tags_name_the_field(tags: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="tag"):
        commands.tag_run(run(), tags)


@pytest.mark.parametrize("tags", [{"": "v"}, {"../x": "v"}, {"k": "v" * 20_001}, {"k" * 251: "v"}])
def test_bad_tags_of_an_experiment_name_the_field(tags: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="tag"):
        commands.tag_experiment(experiment(), tags)
    assert commands.tag_experiment(experiment(), {"k": "v" * 20_000})


def test_no_tags_are_no_event() -> None:
    assert commands.tag_run(run(), {}) == []
    assert commands.untag_run(run(), "k") == []
    assert commands.tag_experiment(experiment(), {}) == []
