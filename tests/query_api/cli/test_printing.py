from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.cli import output
from trackstream_api.cli.values import names, pairs
from trackstream_schemas.errors import InvalidInput

RUN = {
    "run_id": "r1",
    "params": {"lr": "0.1"},
    "metrics": {"loss": {"value": 0.5, "step": 3, "timestamp": 9}},
    "tags": {"team": "a"},
    "conflicts": [{"key": "lr"}],
}


def test_flat_spreads_params_metrics_and_tags() -> None:
    assert output.flat(RUN) == {
        "run_id": "r1",
        "params.lr": "0.1",
        "metrics.loss": 0.5,
        "tags.team": "a",
        "conflicts": '[{"key": "lr"}]',
    }


def test_columns_are_the_union_of_all_rows_in_a_fixed_order() -> None:
    rows = [{"run_id": "a", "tags.t": "1", "metrics.z": 1}, {"run_id": "b", "metrics.a": 2, "params.p": "3"}]
    assert output.columns_of(rows) == ["run_id", "params.p", "metrics.a", "metrics.z", "tags.t"]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "params.b", "tags.c"]), st.text(st.characters(exclude_characters="\r\0"))
        )
    )
)
def test_csv_is_read_back_as_written(rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    output.write_csv(text, rows)
    columns = output.columns_of(rows)
    expected = [{name: row.get(name, "") for name in columns} for row in rows] if columns else []
    read = list(csv.DictReader(io.StringIO(text.getvalue(), newline="")))
    # A row whose only column is empty is an empty line, which csv readers skip.
    kept = [row for row in expected if len(columns) > 1 or any(row.values())]
    assert [row for row in read if len(columns) > 1 or any(row.values())] == kept


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0.123456789, "0.123457"),
        (7, "7"),
        ("NaN", "NaN"),
        ("a\x1b[31mb\n", "a\\x1b[31mb\\n"),
        ({"é": 1}, '{"é": 1}'),
    ],
)
def test_cells_are_short_and_cannot_steer_the_terminal(value: object, shown: str) -> None:
    assert output.cell(value) == shown


def test_a_moment_says_how_far_it_is_from_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, shown in (("UTC0", "1970-01-01 00:00:01+00:00"), ("XST-5:30", "1970-01-01 05:30:01+05:30")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert output.when(1999) == shown
    monkeypatch.undo()
    time.tzset()
    assert output.when(None) == "-"


def test_a_hint_names_columns_as_the_option_takes_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "12")
    output.print_table(("RUN ID", "STARTED"), [["aaaaaa", "bbbbbb"]], droppable=("run_id", "start_time"))
    assert capsys.readouterr().err == "not shown for want of space: start_time; --columns chooses\n"


def test_one_is_singular() -> None:
    assert [output.counted(count, "run") for count in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        (None, "-"),
        (1500, "1.5 s"),
        (61_000, "1 min 1 s"),
        (3_600_000 * 2 + 60_000, "2 h 1 min"),
        (-5, "0.0 s"),
    ],
)
def test_duration(end: int | None, shown: str) -> None:
    assert output.duration(0, end) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(None, "-"), (0, "0 B"), (1536, "1.5 KiB"), (1 << 30, "1.0 GiB"), (1 << 42, "4.0 TiB")],
)
def test_sizes(size: int | None, shown: str) -> None:
    assert output.size_text(size) == shown


def test_plain_tables_are_aligned_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("A", "B"), [["x" * 300, 1], ["y", 22]])
    lines = capsys.readouterr().out.splitlines()
    assert [line.index(text) for line, text in zip(lines, ("B", "1", "22"), strict=True)] == [302, 302, 302]


def test_a_narrow_terminal_drops_the_last_columns() -> None:
    columns, rows = ("A", "BB", "CCC"), [["aaaa", "b", "c"], ["a", "b", "cccc"]]
    assert [output.fitting(columns, rows, width) for width in (3, 4, 8, 9, 15, 16, 99)] == [
        1,
        1,
        1,
        2,
        2,
        3,
        3,
    ]


def test_an_empty_table_says_so_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("A",), [], empty="no runs")
    assert capsys.readouterr() == ("", "no runs\n")


def test_pairs() -> None:
    assert pairs("--tag", ["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    for wrong in ("a", "=1", ""):
        with pytest.raises(InvalidInput, match="--tag"):
            pairs("--tag", [wrong])


def test_names() -> None:
    assert names(None) is None
    assert names("a, b ,,c") == ["a", "b", "c"]
