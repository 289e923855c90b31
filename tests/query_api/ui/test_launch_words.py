"""How launches are told of."""

from __future__ import annotations

from typing import Any

import pytest

from trackstream_api.ui.launch_words import (
    extra_parameters,
    log_hint,
    parameters_of,
    project_of,
    stages_of,
)

LAUNCH: dict[str, Any] = {
    "launch_id": "0192",
    "state": "running",
    "project": "",
    "uri": "https://git.invalid/team/digits.git#examples/one",
    "queue": None,
    "parameters": {},
    "requested_at": 1000,
    "claimed_at": 2000,
    "prepared_at": 3000,
    "started_at": 4000,
    "ended_at": None,
}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"project": "wine"}, "wine"),
        ({}, "digits#examples/one"),
        ({"uri": "/home/ada/digits/"}, "digits"),
        ({"uri": "https://host/x.tar.gz"}, "x"),
        ({"uri": "runs:/0192/launches/0192/project.tar.gz"}, "a project that was sent"),
    ],
)
def test_projects_have_short_names(changes: dict[str, Any], name: str) -> None:
    assert project_of({**LAUNCH, **changes}) == name


def test_the_way_of_a_launch() -> None:
    stages = stages_of(LAUNCH)
    assert [stage.name for stage in stages] == ["requested", "taken", "prepared", "started", "ended"]
    assert [stage.at for stage in stages] == [1000, 2000, 3000, 4000, None]
    over = stages_of({**LAUNCH, "state": "failed", "ended_at": 9000})
    assert (over[-1].name, over[-1].kind, over[-1].at) == ("failed", "bad", 9000)


def test_parameters_in_a_line() -> None:
    many = {f"p{number}": str(number) for number in range(6)}
    assert parameters_of({**LAUNCH, "parameters": many}) == "p0=0  p1=1  p2=2  p3=3  +2"


def test_what_is_said_where_nothing_was_printed() -> None:
    assert "launch-worker --queue gpu" in log_hint({**LAUNCH, "state": "requested", "queue": "gpu"})
    assert "printed nothing" in log_hint({**LAUNCH, "state": "finished"})
    assert "again and again" in log_hint(LAUNCH)


def test_parameters_of_lines() -> None:
    assert extra_parameters("a=1\n\n b = x=y \nc=") == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(ValueError, match="“nothing” is not NAME=VALUE"):
        extra_parameters("a=1\nnothing")
    with pytest.raises(ValueError, match="NAME=VALUE"):
        extra_parameters("=1")
