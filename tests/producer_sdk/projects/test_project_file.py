"""What an MLproject file says, and what it may not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream.projects.errors import ProjectInvalid
from trackstream.projects.project_file import EntryPoint, Parameter, load_project
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

WINE = """
name: sklearn-elasticnet-wine

python_env: python_env.yaml

entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      l1_ratio: {type: float, default: 0.1}
      data: path
    command: "python train.py {alpha} {l1_ratio} --data {data} --format '{{}}'"
  check:
    command: "bash check.sh"
"""


def project(tmp_path: Path, text: str) -> Path:
    (tmp_path / "MLproject").write_text(text)
    return tmp_path


def test_a_whole_project(tmp_path: Path) -> None:
    (tmp_path / "python_env.yaml").write_text("python: '3.11'\n")
    found = load_project(project(tmp_path, WINE))
    assert found.name == "sklearn-elasticnet-wine"
    assert found.environment is not None
    assert (found.environment.kind, found.environment.path.name) == ("python_env", "python_env.yaml")
    main = found.entry_point("main")
    assert main.parameters == (
        Parameter("alpha", "float", "0.5"),
        Parameter("l1_ratio", "float", "0.1"),
        Parameter("data", "path"),
    )
    assert found.entry_point("check") == EntryPoint("check", "bash check.sh")


def test_the_file_is_found_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "mlproject").write_text("name: quiet\n")
    assert load_project(tmp_path).name == "quiet"


def test_a_directory_without_the_file(tmp_path: Path) -> None:
    (tmp_path / "train it.py").write_text("")
    (tmp_path / "go.sh").write_text("")
    (tmp_path / "-x.py").write_text("")
    (tmp_path / "requirements.txt").write_text("numpy\n")
    found = load_project(tmp_path)
    assert found.name == tmp_path.name
    assert found.environment is not None
    assert found.environment.kind == "requirements"
    assert found.entry_point("train it.py").command == "python 'train it.py'"
    assert found.entry_point("go.sh").command == "bash go.sh"
    assert found.entry_point("-x.py").command == "python ./-x.py"
    with pytest.raises(InvalidInput, match=r"one of -x\.py, go\.sh, train it\.py"):
        found.entry_point("main")


@pytest.mark.parametrize("name", ["conda.yaml", "python_env.yaml"])
def test_an_environment_file_beside_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / name).write_text("")
    found = load_project(tmp_path).environment
    assert found is not None
    assert found.path.name == name


@pytest.mark.parametrize("name", ["MLproject", "conda.yaml", "python_env.yaml", "requirements.txt"])
def test_a_link_that_leads_outside_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").write_text("")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / name).symlink_to("../outside")
    with pytest.raises(InvalidInput, match=f"{name}: .*inside the project"):
        load_project(inner)
    # A file of the same tree is one of the project's.
    assert load_project(inner, tmp_path).directory == inner


def test_a_script_outside_is_no_entry_point(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link.py").symlink_to(tmp_path / "evil.py")
    for name in ("../evil.py", str(tmp_path / "evil.py"), "link.py"):
        with pytest.raises(InvalidInput, match="entry point"):
            load_project(inner).entry_point(name)


def test_a_container(tmp_path: Path) -> None:
    text = 'docker_env:\n  image: img:1\n  volumes: ["/a:/b"]\n  environment: [["NEW", "value"], "COPIED"]\n'
    docker = load_project(project(tmp_path, text)).docker
    assert docker is not None
    assert (docker.image, docker.volumes) == ("img:1", ("/a:/b",))
    assert docker.environment == (("NEW", "value"), ("COPIED", None))


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("name: x\nentrypoints: {}\n", 2, "one of name, python_env"),
        ("name: [x]\n", 1, "a text"),
        ("- x\n", 1, "a mapping"),
        ("entry_points:\n  main:\n    parameters: {}\n", 3, "a command"),
        ("entry_points:\n  main:\n    command: ''\n", 3, "a command line"),
        ("entry_points:\n  main:\n    cmd: x\n", 3, "parameters or command"),
        (
            "entry_points:\n  main:\n    parameters: {a: number}\n    command: x\n",
            3,
            "string, float, int, path, uri",
        ),
        (
            "entry_points:\n  main:\n    parameters:\n      a:\n        kind: x\n    command: x\n",
            5,
            "type or default",
        ),
        ("entry_points:\n  main:\n    parameters: {'a b': float}\n    command: x\n", 3, "underscores"),
        ("entry_points:\n  main:\n    parameters: {a: {default: [1]}}\n    command: x\n", 3, "one value"),
        ("entry_points:\n  main:\n    command: x {beta}\n", 3, "no parameter"),
        ("entry_points:\n  main:\n    parameters: {a: float}\n    command: x {a.__class__}\n", 4, "only {a}"),
        ("entry_points:\n  main:\n    parameters: {a: float}\n    command: x {a!r:>9}\n", 4, "only {a}"),
        ("entry_points:\n  main:\n    command: x {\n", 3, "for a brace itself"),
        ("entry_points:\n  main:\n    parameters: {a: path}\n    command: x $(cat {a})\n", 4, "no value in"),
        ("conda_env: missing.yaml\n", 1, "a file that exists"),
        ("python_env: ../outside.yaml\n", 1, "inside the project"),
        ("conda_env: a\n\ndocker_env: {image: x}\n", 3, "only conda_env"),
        ("docker_env: {}\n", 1, "an image"),
        ("docker_env: {image: x, dockerfile: y}\n", 1, "an image, or a dockerfile"),
        ('docker_env:\n  image: "x\\nRUN rm"\n', 2, "the name of an image"),
        ("docker_env:\n  dockerfile: ../../etc/passwd\n", 2, "inside the project"),
        ("docker_env:\n  dockerfile: none\n", 2, "that exists"),
        ("docker_env:\n  image: x\n  environment: [[A]]\n", 3, "NAME"),
        ("docker_env:\n  image: x\n  privileged: true\n", 3, "one of image, dockerfile, volumes"),
    ],
)
def test_errors_name_file_line_and_what_would_be_right(
    tmp_path: Path, text: str, line: int, told: str
) -> None:
    (tmp_path.parent / "outside.yaml").write_text("")
    with pytest.raises(ProjectInvalid, match=told) as caught:
        load_project(project(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'MLproject'}:{line}: ")
