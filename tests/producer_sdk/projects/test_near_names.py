"""What somebody may have meant."""

from __future__ import annotations

from trackstream.projects.command_line import notes_of
from trackstream.projects.near_names import did_you_mean, near
from trackstream.projects.project_file import EntryPoint, Parameter

MAIN = EntryPoint("main", "x {learning_rate}", (Parameter("learning_rate", "float", "1"),))


def test_close_names_are_found() -> None:
    assert near("learning-rate", ["learning_rate", "depth"]) == ["learning_rate"]
    assert did_you_mean("trian", ["train", "test"]) == "; did you mean 'train'?"
    assert did_you_mean("Main", ["main"]) == "; did you mean 'main'?"
    assert did_you_mean("main", ["main", "other"]) == ""
    assert did_you_mean("xyz", ["main"]) == ""


def test_only_names_that_look_like_slips_are_told() -> None:
    (note,) = notes_of(MAIN, {"learning_rat": "1", "verbose": "1", "learning_rate": "2"})
    assert note.startswith("parameter learning_rat is not declared by main")
    assert note.endswith("did you mean 'learning_rate'?")
