"""Environments: what is asked for, made once, and whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from trackstream.projects.environments import environment
from trackstream.projects.environments.environment import chosen_manager, find_python, prepare
from trackstream.projects.environments.requirements import absolute_line, read_requirements
from trackstream.projects.environments.tools import Tools
from trackstream.projects.errors import EnvironmentFailed, LaunchCancelled, ProjectInvalid
from trackstream.projects.file_lock import taken
from trackstream.projects.project_file import EnvironmentFile, EnvironmentKind, Project
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

PYTHON_ENV = """
python: "3.10"
build_dependencies:
  - pip
dependencies:
  - -r requirements.txt
  - numpy>=1.26
"""
CONDA = """
name: env
channels: [conda-forge]
dependencies:
  - python=3.10.4
  - pip>=23
  - cudatoolkit=11
  - pip:
      - mlflow>=2
"""


def file(tmp_path: Path, kind: EnvironmentKind, text: str, name: str = "env.yaml") -> EnvironmentFile:
    (tmp_path / name).write_text(text)
    return EnvironmentFile(kind, tmp_path / name)


def project(tmp_path: Path, text: str) -> Project:
    return Project("p", tmp_path, {}, file(tmp_path, "requirements", text, "requirements.txt"))


def test_a_python_env(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r more.txt\nscipy\n")
    (tmp_path / "more.txt").write_text("pandas\n")
    found = read_requirements(file(tmp_path, "python_env", PYTHON_ENV))
    assert (found.python, found.build) == ("3.10", ("pip",))
    assert found.packages == ("-r requirements.txt", "numpy>=1.26")
    # What the files say is a part of what the environment is made of.
    assert found.included == ("-r more.txt\nscipy\n", "pandas\n")


def test_a_conda_env_without_conda(tmp_path: Path) -> None:
    found = read_requirements(file(tmp_path, "conda_env", CONDA))
    assert (found.python, found.packages, found.ignored) == ("3.10.4", ("mlflow>=2",), ("cudatoolkit=11",))


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        ("python_env", "python: latest\n", 1),
        ("python_env", "\npackages: [x]\n", 2),
        ("python_env", "dependencies:\n  - {a: b}\n", 2),
        ("python_env", 'dependencies:\n  - "a\\nb"\n', 2),
        ("python_env", "dependencies:\n  - -r missing.txt\n", 1),
        ("conda_env", "dependencies:\n  - conda: [x]\n", 2),
    ],
)
def test_wrong_files(tmp_path: Path, kind: EnvironmentKind, text: str, line: int) -> None:
    with pytest.raises(ProjectInvalid) as caught:
        read_requirements(file(tmp_path, kind, text))
    assert caught.value.line == line


def test_lines_that_name_files_mean_the_same_elsewhere(tmp_path: Path) -> None:
    assert absolute_line("-r a/b.txt", tmp_path) == f"-r {tmp_path}/a/b.txt"
    assert absolute_line("--constraint=c.txt", tmp_path) == f"--constraint {tmp_path}/c.txt"
    assert absolute_line("-r https://host/r.txt", tmp_path) == "-r https://host/r.txt"
    assert absolute_line("numpy>=1", tmp_path) == "numpy>=1"


@pytest.mark.parametrize(
    ("kind", "wanted", "manager"),
    [
        (None, None, "local"),
        ("python_env", None, "virtualenv"),
        ("requirements", None, "virtualenv"),
        ("conda_env", None, "conda"),
        ("conda_env", "virtualenv", "virtualenv"),
        ("python_env", "local", "local"),
    ],
)
def test_which_manager(
    tmp_path: Path, kind: EnvironmentKind | None, wanted: str | None, manager: str
) -> None:
    found = None if kind is None else file(tmp_path, kind, "")
    assert chosen_manager(Project("p", tmp_path, {}, found), wanted) == manager
    with pytest.raises(InvalidInput, match="virtualenv, uv, conda, local"):
        chosen_manager(Project("p", tmp_path, {}, found), "poetry")


def test_interpreters() -> None:
    own = ".".join(map(str, sys.version_info[:2]))
    assert find_python(None) == find_python("3") == find_python(own) == find_python(f"{own}.0")
    answer = subprocess.run(
        [find_python(None), "-c", "import sys; print(sys.prefix == sys.base_prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "True"
    with pytest.raises(EnvironmentFailed, match=r"no python2\.6 on the PATH"):
        find_python("2.6.1")


@pytest.mark.parametrize(("manager", "kind"), [("conda", "conda_env"), ("uv", "requirements")])
def test_a_tool_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: str, kind: EnvironmentKind
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.delenv("CONDA_EXE", raising=False)
    one = Project("p", tmp_path, {}, file(tmp_path, kind, ""))
    with pytest.raises(EnvironmentFailed, match=f"{manager} is not installed"):
        prepare(one, manager, Tools(), tmp_path / "cache")


def test_conda_wants_a_conda_env(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="from a conda_env file only"):
        prepare(project(tmp_path, ""), "conda", Tools(), tmp_path / "cache")


def test_a_real_environment_is_made_once_and_shared(tmp_path: Path) -> None:
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "none"\n[project]\nname = "x"\nversion = "1"\n'
    )
    one = project(tmp_path, "# nothing to install\n")
    output = tmp_path / "output.log"
    found: list[environment.Environment] = []

    def launch() -> None:
        with output.open("ab") as log:
            found.append(prepare(one, None, Tools(log), tmp_path / "cache"))

    threads = [threading.Thread(target=launch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({made.path for made in found}) == 1
    assert output.read_text().count("making the environment") == 1
    made = found[0]
    assert made.path is not None
    variables = {name: value for name, value in made.variables.items() if value is not None}
    python = subprocess.run(
        ["bash", "-c", "python -c 'import sys; print(sys.prefix)'"],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert python.stdout.strip() == str(made.path)
    # Other contents, another environment; the same elsewhere, the same.
    (tmp_path / "elsewhere").mkdir()
    same = prepare(
        project(tmp_path / "elsewhere", "# nothing to install\n"), None, Tools(), tmp_path / "cache"
    )
    assert same.path == made.path
    key = environment._key("virtualenv", "python", read_requirements(one.environment), one.environment)  # type: ignore[arg-type]
    (tmp_path / "requirements.txt").write_text("# something else\n")
    other = environment._key("virtualenv", "python", read_requirements(one.environment), one.environment)  # type: ignore[arg-type]
    assert key != other


def test_uv_makes_an_environment(tmp_path: Path) -> None:
    one = project(tmp_path, "# nothing to install\n")
    found = prepare(one, "uv", Tools(), tmp_path / "cache")
    assert (found.manager, found.path is not None) == ("uv", True)
    answer = subprocess.run(
        ["bash", "-c", "python -c 'import sys; print(sys.prefix)'"],
        env={name: value for name, value in found.variables.items() if value is not None},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == str(found.path)
    assert prepare(one, "uv", Tools(), tmp_path / "cache").path == found.path


def test_what_fails_leaves_nothing_that_would_be_taken_for_whole(tmp_path: Path) -> None:
    # Not a name of the index: pip refuses the line before it asks anybody.
    one = project(tmp_path, "not a requirement !!\n")
    output = tmp_path / "output.log"
    for _ in range(2):
        with output.open("ab") as log, pytest.raises(EnvironmentFailed, match="pip install"):
            prepare(one, None, Tools(log), tmp_path / "cache")
    assert output.read_text().count("making the environment") == 2
    made = [path for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()]
    assert made == []


def test_what_is_cancelled_stops(tmp_path: Path) -> None:
    stop = threading.Event()
    tools = Tools(stop=stop)
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    with pytest.raises(LaunchCancelled):
        tools.run(["sleep", "600"])
    timer.join()


def test_who_waits_for_another_to_make_an_environment_can_be_cancelled(tmp_path: Path) -> None:
    one = project(tmp_path, "# nothing to install\n")
    made = prepare(one, None, Tools(), tmp_path / "cache").path
    assert made is not None
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    with made.with_name(f"{made.name}.lock").open("w") as lock:
        assert taken(lock)
        timer.start()
        with pytest.raises(LaunchCancelled):
            prepare(one, None, Tools(stop=stop), tmp_path / "cache")
    timer.join()
