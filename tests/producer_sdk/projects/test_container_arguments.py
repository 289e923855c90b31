"""What changes for a program in a container, and the context its image is built from."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from trackstream.projects.backends.container_arguments import addresses, asked_variables, placed
from trackstream.projects.backends.docker_image import _write_context, image_name
from trackstream.projects.backends.port import Work
from trackstream.projects.command_line import Arguments
from trackstream.projects.project_file import DockerEnvironment, EntryPoint, Parameter, Project
from trackstream.projects.request import Request
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path


def work(
    place: Path, values: dict[str, str], uri: str = "http://host:5000", server: str | None = None
) -> Work:
    """Return the work of a project in `place`, all of whose parameters are paths, but for `text`."""
    parameters = tuple(Parameter(name, "string" if name == "text" else "path") for name in values)
    variables = {"TRACKSTREAM_URI": uri, **({"MLFLOW_TRACKING_URI": server} if server else {})}
    request = Request("launch", "run", "0", str(place))
    return Work(
        request,
        Project("p", place),
        EntryPoint("main", "cat {inside}", parameters),
        Arguments(values, {}),
        place,
        variables,
    )


def test_paths_are_those_that_the_container_has(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.touch()
    (project / "link").symlink_to(outside)
    values = {
        "inside": str(project / "data"),
        "around": str(project / "data" / ".." / ".." / "outside"),
        "link": str(project / "link"),
        "text": str(project / "data"),
    }
    found = placed(work(project, values), code_inside=True)
    assert found.work.arguments.declared == {
        "inside": "/mlflow/projects/code/data",
        "around": str(outside),
        "link": str(project / "link"),
        "text": str(project / "data"),
    }
    assert found.files == (str(outside), str(project / "link"))
    assert found.work.command() == "cat /mlflow/projects/code/data"
    # In an image that is used as it is nothing of the project is there.
    assert placed(work(project, {"inside": values["inside"]}), code_inside=False).files == (values["inside"],)


@pytest.mark.parametrize(
    ("uri", "server", "expected", "only_here"),
    [
        ("http://host:5000", "http://host:5000", ("http://host:5000",) * 2, None),
        ("/store", "http://127.0.0.1:1", ("http://127.0.0.1:1",) * 2, "http://127.0.0.1:1"),
        ("/store", None, ("/store", None), "/store"),
        ("offline:/spool", None, ("offline:/spool", None), "offline:/spool"),
        ("kafka://broker:9092,b:9092", "http://h:1", ("kafka://broker:9092,b:9092", "http://h:1"), None),
        ("kafka://localhost:9092", None, ("kafka://localhost:9092", None), "kafka://localhost:9092"),
        ("http://[::1]:5000", None, ("http://[::1]:5000", None), "http://[::1]:5000"),
    ],
)
def test_addresses_that_only_this_machine_has_are_seen(
    tmp_path: Path, uri: str, server: str | None, expected: tuple[str, str | None], only_here: str | None
) -> None:
    launched = work(tmp_path, {}, uri, server)
    found = addresses(launched, {})
    assert (found.variables["TRACKSTREAM_URI"], found.variables.get("MLFLOW_TRACKING_URI")) == expected
    assert found.only_here == only_here
    # Who names an address knows it.
    named = addresses(launched, {}, "http://127.0.0.1:7")
    assert (set(named.variables.values()), named.only_here) == ({"http://127.0.0.1:7"}, None)
    given = {"TRACKSTREAM_URI": "http://localhost:1", "MLFLOW_TRACKING_URI": "http://localhost:2"}
    assert addresses(launched, given).variables == given
    assert addresses(launched, given).only_here is None


def test_variables_are_given_or_copied() -> None:
    docker = DockerEnvironment("x", None, (), (("A", "1"), ("B", None)))
    assert asked_variables(docker, {"B": "2", "C": "3"}) == {"A": "1", "B": "2"}
    with pytest.raises(
        InvalidInput, match=r"docker_env.environment: got 'B'.*set where the launch is executed"
    ):
        asked_variables(docker, {})
    assert asked_variables(None, {}) == {}


def test_the_same_files_are_the_same_context(tmp_path: Path) -> None:
    contexts = []
    for name in ("one", "two"):
        project = tmp_path / name
        (project / ".git").mkdir(parents=True)
        (project / ".git" / "index").write_text(name)
        (project / "src").mkdir(mode=0o700)
        (project / "src" / "run.sh").write_text("true")
        (project / "src" / "run.sh").chmod(0o750 if name == "one" else 0o755)
        (project / "link").symlink_to("src/run.sh")
        (project / ".dockerignore").write_text("# not needed\n*.csv\nsecret\n")
        (project / "large.csv").write_text(name)
        (project / "secret").mkdir()
        (project / "secret" / "key").write_text(name)
        contexts.append(tmp_path / f"{name}.tar")
        _write_context(contexts[-1], project, "project/", {"Dockerfile": b"FROM x\n"})
    assert contexts[0].read_bytes() == contexts[1].read_bytes()
    with tarfile.open(contexts[0]) as archive:
        assert archive.getnames() == [
            "Dockerfile",
            "project/.dockerignore",
            "project/link",
            "project/src",
            "project/src/run.sh",
        ]
        assert archive.getmember("project/link").issym()
        assert archive.getmember("project/src/run.sh").mode == 0o755


def test_names_of_images() -> None:
    assert [image_name(name) for name in ("Wine & Cheese", "a.b_c", "é", "")] == [
        "wine-cheese",
        "a-b-c",
        "project",
        "project",
    ]
