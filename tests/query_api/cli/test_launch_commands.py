"""`trackstream launches` and `run --queue` on launches that wait in a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.query_api.cli.conftest import command_line
from trackstream import projects
from trackstream_api.cli.run import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "place"
    path.mkdir()
    (path / "MLproject").write_text("name: wine\nentry_points:\n  main:\n    command: echo\n")
    return path


def test_what_waits_in_a_queue_is_shown_by_name(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, folders = tmp_path / "store", str(tmp_path / "launches")
    monkeypatch.setenv("XDG_STATE_HOME", folders)

    def ask(queue: str) -> str:
        submitted = projects.run(str(project), queue=queue, synchronous=False, tracking_uri=store)
        return submitted.launch_id

    def shown(*arguments: str) -> str:
        done = command_line("launches", *arguments, store=store, XDG_STATE_HOME=folders)
        assert done.code == 0, done.err
        return done.out

    launch_id, other = ask("mine"), ask("others")
    head, line = shown("list", "--queue", "mine", "--state", "requested").splitlines()
    assert head.split()[:5] == ["LAUNCH", "ID", "STATE", "QUEUE", "PROJECT"]
    assert line.split()[1:4] == ["requested", "mine", "wine"]
    assert launch_id.startswith(line.split()[0])
    described = [line.split() for line in shown("describe", other).splitlines()]
    assert ["state", "requested"] in described
    assert ["queue", "others"] in described
    assert ["name", "wine"] in described
    assert ["from", str(project)] in described
    done = command_line("launches", "logs", launch_id[:5], store=store, XDG_STATE_HOME=folders)
    assert (done.code, "at least 6 characters" in done.err) == (2, True), done.err


@pytest.mark.parametrize("arguments", [["--queue", "my project"], ["-P", "a=1", "--queue", "my project"]])
def test_a_queue_that_takes_the_uri_says_so(arguments: list[str]) -> None:
    done = CliRunner().invoke(run, arguments)
    assert done.exit_code == 2
    assert "`--queue default 'my project'` or `'my project' --queue`" in done.output


@pytest.mark.parametrize("arguments", [[], ["--queue=mine"], ["--queue"]])
def test_a_uri_that_is_missing_is_that(arguments: list[str]) -> None:
    done = CliRunner().invoke(run, arguments)
    assert (done.exit_code, "Missing argument 'URI'." in done.output) == (2, True)


def test_a_part_of_a_run_s_id_is_not_enough_to_log_into_it(project: Path, tmp_path: Path) -> None:
    arguments = ["run", str(project), "--run-id", "0123abcd", "--queue", "q", "--detach"]
    done = command_line(*arguments, store=tmp_path / "store", XDG_STATE_HOME=str(tmp_path / "l"))
    assert "takes the whole id, of 32 characters" in done.err
