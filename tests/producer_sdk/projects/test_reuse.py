"""When an earlier launch stands for one that is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trackstream.projects.project_file import EntryPoint, Parameter
from trackstream.projects.reuse import Wanted, did_the_same, is_whole, obstacle

TRAIN = EntryPoint("train", "x {data} {depth}", (Parameter("data", "path"), Parameter("depth", "int", "4")))
DEFAULT = EntryPoint("train", "x {data}", (Parameter("data", "path", "x.csv"),))
DEFAULT_URI = EntryPoint("train", "x {data}", (Parameter("data", "path", "https://host/x.csv"),))
WANTED = Wanted("p", "sub", TRAIN, {"data": "runs:/r/data"}, "c" * 40, False)
LAUNCH: dict[str, Any] = {
    "state": "finished",
    "project": "p",
    "entry_point": "train",
    "commit": "c" * 40,
    "dirty": False,
    "backend": "local",
    "backend_config": "{}",
    "docker_args": {},
    "environment": "local",
    "environment_key": None,
    "parameters": {"data": "runs:/r/data", "depth": "4"},
}
RUN = {"lifecycle_stage": "active", "status": "FINISHED", "tags": {"directory": "sub"}}


def test_the_same_is_the_same() -> None:
    assert obstacle(WANTED) is None
    assert did_the_same(WANTED, LAUNCH)
    assert did_the_same(replace(WANTED, parameters={**WANTED.parameters, "depth": "4"}), LAUNCH)
    assert is_whole(WANTED, RUN, "directory")


@pytest.mark.parametrize("uri", ["runs:/r/data", "models:/wine/3", "models:/m-12ab"])
def test_uris_that_last(uri: str) -> None:
    assert obstacle(replace(WANTED, parameters={"data": uri})) is None


def test_a_default_in_the_commit_is_none() -> None:
    assert obstacle(replace(WANTED, entry_point=DEFAULT, parameters={})) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "failed"},
        {"project": "q"},
        {"entry_point": "etl"},
        {"commit": "d" * 40},
        {"commit": None},
        {"dirty": True},
        {"dirty": None},
        {"backend": "docker"},
        {"backend_config": '{"a": 1}'},
        {"docker_args": {"gpus": "all"}},
        {"environment": "uv"},
        {"environment_key": "k"},
        {"parameters": {"data": "runs:/r/data", "depth": "5"}},
        {"parameters": {"data": "runs:/r/data", "extra": "1"}},
    ],
)
def test_anything_else_is_another(changes: dict[str, Any]) -> None:
    assert not did_the_same(WANTED, {**LAUNCH, **changes})


def test_where_only_the_backend_knows_the_environment_it_does_not_count() -> None:
    launch = {**LAUNCH, "backend": "docker", "environment": "docker", "environment_key": "k"}
    wanted = replace(WANTED, backend="docker", environment=None)
    assert did_the_same(wanted, launch)
    assert not did_the_same(wanted, {**launch, "environment": "local"})


@pytest.mark.parametrize(
    "changes",
    [{"lifecycle_stage": "deleted"}, {"status": "RUNNING"}, {"tags": {"directory": "."}}, {"tags": {}}],
)
def test_a_run_that_cannot_be_used(changes: dict[str, Any]) -> None:
    assert not is_whole(WANTED, {**RUN, **changes}, "directory")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"commit": None}, "not in a git repository"),
        ({"dirty": True, "changed": "lib/a.py"}, "differs from commit cccccccccccc: lib/a.py"),
        ({"parameters": {"data": "/data/x.csv"}}, "may have changed"),
        ({"parameters": {"data": "file:///data/x.csv"}}, "may have changed"),
        ({"parameters": {"data": "https://host/x.csv"}}, "may have changed"),
        ({"parameters": {"data": "s3://bucket/x.csv"}}, "may have changed"),
        ({"parameters": {"data": "models:/wine@best"}}, "may have changed"),
        ({"parameters": {"data": "models:/wine/Production"}}, "may have changed"),
        (
            {"entry_point": DEFAULT, "parameters": {}, "loose_defaults": frozenset({"data"})},
            "default of data, x.csv, is not in the commit",
        ),
        ({"entry_point": DEFAULT_URI, "parameters": {}}, "may have changed"),
        ({"parameters": {"data": "runs:/r/data", "api_key": "x"}}, "api_key is a secret"),
    ],
)
def test_why_none_can(changes: dict[str, Any], told: str) -> None:
    assert told in str(obstacle(replace(WANTED, **changes)))
