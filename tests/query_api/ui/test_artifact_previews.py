"""How artifacts are read for their previews."""

from __future__ import annotations

import pytest

from trackstream_api.ui.components.artifact_code import COLOURED, lines_of
from trackstream_api.ui.components.artifact_kinds import kind_of, text_in
from trackstream_api.ui.components.artifact_model import loading
from trackstream_api.ui.components.artifact_rows import MOST_ROWS, rows_of


@pytest.mark.parametrize(
    ("path", "content_type", "kind"),
    [
        ("plots/a.PNG", None, "picture"),
        ("a.svg", "image/svg+xml", "picture"),
        ("report.html", "text/html", "page"),
        ("model/MLmodel", None, "model"),
        ("data.csv", "application/octet-stream", "table"),
        ("conf.json", None, "json"),
        ("README", None, "text"),
        ("a.tar.gz", "application/gzip", "unknown"),
        ("noname", "text/csv; charset=utf-8", "table"),
        ("noname", "text/x-strange", "text"),
        ("noname", None, "unknown"),
        ("png", None, "unknown"),
        ("sound.wav", None, "sound"),
    ],
)
def test_kinds(path: str, content_type: str | None, kind: str) -> None:
    assert kind_of(path, content_type) == kind


@pytest.mark.parametrize(
    ("content", "is_whole", "text"),
    [
        (b"plain", True, "plain"),
        ("ü".encode(), True, "ü"),
        ("aü".encode()[:2], False, "a"),
        ("aü".encode()[:2], True, "aÃ"),
        (b"\xef\xbb\xbfbom", True, "bom"),
        ("wide".encode("utf-16"), True, "wide"),
        (b"caf\xe9", True, "café"),
        (b"\x00\x01", True, None),
        (b"\x80\x02\x01pickle", True, None),
    ],
)
def test_what_is_text(content: bytes, is_whole: bool, text: str | None) -> None:
    assert text_in(content, is_whole) == text


def test_rows_of_a_file() -> None:
    found = rows_of('name;loss;note\na;0.5;"x; y"\nb;;z\n', True, False)
    assert found.columns == ("name", "loss", "note")
    assert found.rows == (("a", "0.5", "x; y"), ("b", "", "z"))
    assert found.numeric == {1}
    assert not found.more


def test_rows_that_are_cut_off_or_too_many() -> None:
    beginning = rows_of("a,b\n1,2\n3,4", False, False)
    assert beginning.rows == (("1", "2"),)
    assert beginning.more
    many = rows_of("a\n" + "1\n" * (MOST_ROWS + 1), True, False)
    assert len(many.rows) == MOST_ROWS
    assert many.more


@pytest.mark.parametrize("text", ["", "\n\n", '"', 'a,b\n"never closed\n' * 3, "a\x01b"])
def test_rows_of_odd_texts(text: str) -> None:
    found = rows_of(text, True, False)
    assert all(len(row) == len(found.columns) for row in found.rows)


def test_ragged_rows_are_filled_up() -> None:
    assert rows_of("a\tb\n1\n1\t2\t3\n", True, True).columns == ("a", "b", "column 3")


def test_code_has_the_colours_of_its_language() -> None:
    lines = lines_of('def f():\n    return "x"  # why\n', "a/model.py")
    assert lines[0][0] == ["keyword", "def"]
    assert ["string", '"x"'] in lines[1]
    assert lines[1][-1] == ["comment", "# why"]
    assert len(lines) == 2
    assert "".join(piece[-1] for piece in lines[1]) == '    return "x"  # why'


def test_long_texts_and_unknown_languages_have_none() -> None:
    assert lines_of("x = 1\n" * COLOURED, "a.py")[0] == [["x = 1"]]
    assert lines_of("x = 1\n\ny", "a.unknown") == [[["x = 1"]], [[""]], [["y"]]]


def test_how_a_model_is_loaded() -> None:
    assert '"runs:/abc/models/best"' in loading("abc", "models/best/MLmodel")
