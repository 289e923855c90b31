"""Whatever a value holds, it is one argument of the program, and none of it is executed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstream.projects.command_line import Arguments, arguments, command_of, shown_command_of
from trackstream.projects.project_file import EntryPoint, Parameter, ParameterType
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))"
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)


def entry(*kinds: ParameterType, command: str = "x") -> EntryPoint:
    return EntryPoint("main", command, tuple(Parameter(f"p{n}", kind) for n, kind in enumerate(kinds)))


def values(point: EntryPoint, given: dict[str, str], tmp_path: Path) -> Arguments:
    return arguments(point, given, cwd=tmp_path, project=tmp_path)


def shell(command: str, cwd: Path | None = None) -> list[str]:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, cwd=cwd)
    found: list[str] = json.loads(done.stdout)
    return found


@settings(max_examples=25)
@given(texts, texts)
def test_a_value_is_one_argument(first: str, second: str) -> None:
    point = EntryPoint("main", f'{sys.executable} -c "{SHOW}" {{a}} {{a}}', (Parameter("a"),))
    command = command_of(point, Arguments({"a": first}, {"more": second}))
    assert shell(command) == [first, first, "--more", second]


@pytest.mark.parametrize(
    "hostile",
    [
        "$(touch pwned)",
        "`touch pwned`",
        "'; touch pwned; '",
        '"; touch pwned; "',
        "a\ntouch pwned\n",
        "a && touch pwned",
        "{a}",
        "{a.__class__}",
        "${HOME}",
        "\\",
        "*",
        "~",
        "",
    ],
)
def test_hostile_values_execute_nothing(hostile: str, tmp_path: Path) -> None:
    point = EntryPoint("main", f'{sys.executable} -c "{SHOW}" {{a}}', (Parameter("a"),))
    found = values(point, {"a": hostile, "extra": hostile}, tmp_path)
    assert shell(command_of(point, found), tmp_path) == [hostile, "--extra", hostile]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["-rf", "--help", "-", "-1", "-0.5", "-1e3", "--5", "-nan"])
def test_a_value_is_no_option(value: str, tmp_path: Path) -> None:
    point = entry("string")
    accepted = value in ("-", "-1", "-0.5", "-1e3")
    for given_values in ({"p0": value}, {"p0": "x", "extra": value}):
        if accepted:
            assert value in values(point, given_values, tmp_path).all.values()
        else:
            with pytest.raises(InvalidInput, match=r"dash|a number"):
                values(point, given_values, tmp_path)


@pytest.mark.parametrize("name", ["-x", "a b", "a;b", "$(x)", "", "1a", "a=b", "ä"])
def test_a_name_is_a_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="parameter name"):
        values(entry(), {name: "1"}, tmp_path)


@pytest.mark.parametrize(
    ("kind", "value", "accepted"),
    [
        ("float", "0.5", "0.5"),
        ("float", " -1e-3 ", "-1e-3"),
        ("float", "half", None),
        ("float", "", None),
        ("int", "-7", "-7"),
        ("int", "7.0", None),
        ("int", "0x7", None),
        ("uri", "s3://bucket/key", "s3://bucket/key"),
        ("uri", "runs:/abc/model", "runs:/abc/model"),
        ("uri", "data.csv", None),
        ("uri", "--x", None),
        ("path", "s3://bucket/key", "s3://bucket/key"),
        ("path", "missing.csv", None),
        ("path", "", None),
        ("string", "", ""),
        ("string", "a\x00b", None),
    ],
)
def test_types(kind: ParameterType, value: str, accepted: str | None, tmp_path: Path) -> None:
    if accepted is None:
        with pytest.raises(InvalidInput, match="parameter p0"):
            values(entry(kind), {"p0": value}, tmp_path)
    else:
        assert values(entry(kind), {"p0": value}, tmp_path).declared == {"p0": accepted}


def test_paths_become_absolute(tmp_path: Path) -> None:
    here, project = tmp_path / "here", tmp_path / "project"
    for place in (here, project):
        place.mkdir()
        (place / "data.csv").touch()
    point = EntryPoint("main", "x", (Parameter("given", "path"), Parameter("default", "path", "data.csv")))
    found = arguments(point, {"given": "data.csv"}, cwd=here, project=project)
    assert found.declared == {"given": str(here / "data.csv"), "default": str(project / "data.csv")}
    by_uri = arguments(point, {"given": (here / "data.csv").as_uri()}, cwd=project, project=project)
    assert by_uri.declared["given"] == str(here / "data.csv")


def test_uris_of_paths_are_downloaded(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    def download(uri: str, number: int) -> Path:
        asked.append((uri, number))
        return tmp_path / str(number)

    given_values = {"p0": "s3://bucket/a", "p1": "s3://bucket/b"}
    found = arguments(entry("uri", "path"), given_values, cwd=tmp_path, project=tmp_path, download=download)
    assert found.declared == {"p0": "s3://bucket/a", "p1": str(tmp_path / "1")}
    assert asked == [("s3://bucket/b", 1)]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"parameter p1 of main is missing: .*-P p1="):
        values(entry("float", "float"), {"p0": "1"}, tmp_path)


def test_order_is_that_of_the_entry_point_then_the_callers(tmp_path: Path) -> None:
    point = EntryPoint("main", "x {b} {a}", (Parameter("a"), Parameter("b")))
    found = values(point, {"z": "3", "b": "2", "y": "4", "a": "1"}, tmp_path)
    assert command_of(point, found) == "x 2 1 --z 3 --y 4"


@pytest.mark.parametrize("command", ["x # a note", "cat <<EOF\nx\nEOF", "eval x"])
def test_values_are_not_appended_where_they_would_be_read(command: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="command of main"):
        values(entry(command=command), {"more": "a\ntouch pwned"}, tmp_path)


def test_values_are_appended_to_the_last_line(tmp_path: Path) -> None:
    point = entry(command="x\n")
    assert command_of(point, values(point, {"more": "1"}, tmp_path)) == "x --more 1"


def test_secrets_are_not_shown() -> None:
    point = EntryPoint("main", "x {db_password} {url}", (Parameter("db_password"), Parameter("url")))
    found = Arguments({"db_password": "hunter2", "url": "https://ann:hunter2@host/x"}, {"token": "hunter2"})
    assert shown_command_of(point, found) == "x '[redacted]' https://host/x --token '[redacted]'"


@pytest.mark.parametrize("kind", ["string", "int", "float", "uri", "path"])
def test_errors_do_not_show_secrets(kind: ParameterType, tmp_path: Path) -> None:
    point = EntryPoint("main", "x {db_password}", (Parameter("db_password", kind),))
    with pytest.raises(InvalidInput, match="parameter db_password") as caught:
        values(point, {"db_password": "-hunter2"}, tmp_path)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidInput, match="parameter token") as caught:
        values(entry(), {"token": "-hunter2"}, tmp_path)
    assert "hunter2" not in str(caught.value)
