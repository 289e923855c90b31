from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest

from trackstream_api.cli.api import refusal
from trackstream_api.cli.root import cli, run
from trackstream_schemas import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"Usage: {' '.join(('trackstream', *path))}")
    assert err == ""


def test_help_imports_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys\nfrom trackstream_api.cli.root import run\nrun(['runs', 'best', '--help'])\n"
        "heavy = {'httpx', 'rich', 'fastapi', 'chdb', 'numpy', 'pyarrow', 'trackstream', 'fastavro'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["runs", "best"],
        ["runs", "list", "--limit", "0"],
        ["runs", "best", "--metric", "m", "--mode", "sideways"],
        ["runs", "list", "--dir", "kafka://broker:9092"],
        ["runs", "export", "--format", "parquet"],
        ["runs", "export", "--key", "loss"],
        ["runs", "export", "--to", "x.xlsx"],
        ["runs", "export", "--to", "nowhere/x.csv"],
        ["runs", "compare", "onlyone"],
        ["--dir", "x", "runs", "list"],
        ["sql", "SELECT 1", "--param", "nameless"],
        ["sql", "SELECT 1", "--to", "x.txt"],
        ["server", "--dir", "http://localhost:1"],
        ["experiments", "create", "x", "--tag", "novalue"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_one_line_and_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRACKSTREAM_URI", raising=False)
    assert run(arguments) == errors.InvalidInput.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--dir", "x", "runs", "list"],
            "--dir goes behind the command, as in `trackstream runs list --dir ...`",
        ),
        (["runs", "-e", "x", "list"], "-e goes behind the command"),
        (["runs", "export", "--to", "nowhere/x.csv"], "expected a directory that exists; nowhere does not"),
        (["runs", "compare", "onlyone"], "expected two runs or more"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_is_told_what_would_be_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == errors.InvalidInput.exit_code
    assert said in capsys.readouterr().err


def test_an_unknown_option_is_not_said_to_go_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--nonsense", "runs", "list"]) == errors.InvalidInput.exit_code
    assert "behind" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["runs", "list"], ["status"], ["replay"], ["gc", "--dry-run"], ["sql", "SELECT 1"]],
    ids=" ".join,
)
def test_a_directory_that_does_not_exist_is_not_made(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "tpyo"
    assert run([*arguments, "--dir", str(missing)]) == errors.NotFound.exit_code
    err = capsys.readouterr().err
    assert str(missing) in err
    assert "does not exist" in err
    assert "trackstream server" in err
    assert not missing.exists()


def test_a_directory_without_a_store_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runs", "list", "--dir", str(tmp_path)]) == errors.NotFound.exit_code
    assert "holds no Trackstream store" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_address_where_nobody_answers_is_unavailable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "list", "--dir", "http://127.0.0.1:9"]) == errors.Unavailable.exit_code
    assert "no server answers at http://127.0.0.1:9" in capsys.readouterr().err


def shared_errors() -> list[type[errors.TrackstreamError]]:
    return [
        errors.InvalidInput,
        errors.NotFound,
        errors.AlreadyExists,
        errors.Conflict,
        errors.Unavailable,
        errors.StorageFailed,
    ]


@pytest.mark.parametrize("kind", shared_errors(), ids=lambda kind: kind.__name__)
def test_an_error_has_the_same_exit_code_over_http(kind: type[errors.TrackstreamError]) -> None:
    body = {"error_code": kind.error_code, "message": "what is wrong"}
    error = refusal(answer(kind.status, json=body))
    assert (error.exit_code, str(error)) == (kind.exit_code, "what is wrong")


@pytest.mark.parametrize(("status", "code"), [(413, 2), (422, 2), (500, 1), (502, 1), (503, 5), (404, 3)])
def test_an_error_without_our_body_is_told_by_its_status(status: int, code: int) -> None:
    error = refusal(answer(status, text="<html>"))
    assert error.exit_code == code
    assert str(status) in str(error)


def answer(status: int, **content: Any) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "http://localhost/api/v1/x"), **content)
