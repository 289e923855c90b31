"""YAML of strangers: only plain values, and never more of them than stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream.projects.errors import ProjectInvalid
from trackstream.projects.yaml_document import MAX_BYTES, plain, read_document

if TYPE_CHECKING:
    from pathlib import Path


def document(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "MLproject"
    path.write_text(text)
    return path


def test_plain_values_and_their_lines(tmp_path: Path) -> None:
    path = document(
        tmp_path, "name: x\nitems:\n  - 1\n  - 0.10\n  - ~\n  - true\n  - '01'\nshared: &a {b: 2}\nsame: *a\n"
    )
    found = read_document(path)
    assert plain(found) == {
        "name": "x",
        # As Python writes them, like MLflow.
        "items": ["1", "0.1", None, "true", "01"],
        "shared": {"b": "2"},
        "same": {"b": "2"},
    }
    assert found.mapping("x")["items"].items("items")[1].line == 4


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a: 1\nb: !!python/object/apply:os.system ['touch pwned']\n", 2, "plain values without tags"),
        ("a: !secret x\n", 1, "plain values without tags"),
        ("a: !!binary aGk=\n", 1, "plain values without tags"),
        ("a: 1\nb: 2\na: 3\n", 3, "each key once"),
        ("a: 1\n<<: {b: 2}\n", 2, "a plain name"),
        ("a: [1\nb: 2\n", 2, "valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("? [a, b]\n: 1\n", 1, "a plain name"),
        ("a: &x [*x]\n", 1, "at most"),
        ("a: *nothing\n", 1, "valid YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, line: int, told: str) -> None:
    path = document(tmp_path, text)
    with pytest.raises(ProjectInvalid, match=told) as caught:
        read_document(path)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert list(tmp_path.iterdir()) == [path]


def test_a_billion_laughs_are_not_heard(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    with pytest.raises(ProjectInvalid, match="a document that grows"):
        read_document(document(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize("text", ["[" * 10_000, "a: " + "{b: " * 5000, "- " * 20_000])
def test_deep_nesting_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProjectInvalid):
        read_document(document(tmp_path, text))


def test_a_large_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectInvalid, match="a small file"):
        read_document(document(tmp_path, "a: " + "x" * MAX_BYTES))


def test_other_bytes_than_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "MLproject"
    path.write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(ProjectInvalid, match="UTF-8"):
        read_document(path)


def test_an_empty_file_is_an_empty_project(tmp_path: Path) -> None:
    assert read_document(document(tmp_path, "# nothing\n")).mapping("project") == {}
