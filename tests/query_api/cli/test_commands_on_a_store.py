"""The command line as its own process on a real store, with a server and without."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration

READS = [
    ["runs", "best", "-e", "vision", "--metric", "val_loss"],
    ["runs", "best", "-e", "vision", "--metric", "val_loss", "--mode", "max", "--top", "5", "-o", "json"],
    ["runs", "best", "--metric", "val_loss", "--filter", "params.lr = '0.1'", "-o", "csv"],
    ["runs", "list"],
    ["runs", "list", "-e", "vision", "-o", "json"],
    ["runs", "list", "--columns", "name,params.lr,metrics.val_loss,tags.team"],
    ["runs", "search", "metrics.val_loss < 0.45", "--order-by", "metrics.val_loss DESC", "-o", "csv"],
    ["runs", "export", "-e", "vision", "--metrics", "--order-by", "attributes.run_id ASC"],
    ["runs", "export", "--format", "jsonl", "--order-by", "attributes.run_id ASC"],
    ["experiments", "list", "--order-by", "name ASC"],
    ["experiments", "search", "name LIKE 'vis%'", "-o", "json"],
    ["sql", "SELECT name, status FROM v_runs ORDER BY name"],
    [
        "sql",
        "SELECT value FROM v_metrics WHERE key = {k:String} ORDER BY value",
        "--param",
        "k=speed",
        "-o",
        "csv",
    ],
    ["dead-letters", "list"],
    ["runs", "list", "-e", "visoin"],
    ["runs", "search", "metrics.val_loss <"],
    ["sql", "SELECT * FROM file('/etc/passwd')"],
    ["runs", "describe", "nosuchrun"],
]


def test_answers_are_the_same_with_and_without_a_server(
    own_store: Any, trackstream_process: Callable[..., Any], start_server: Callable[[Path], Any]
) -> None:
    reads = [
        *READS,
        ["runs", "describe", own_store.runs["good"]],
        ["artifacts", "list", "-r", own_store.runs["good"]],
    ]
    alone = [trackstream_process(*arguments, store=own_store.directory) for arguments in reads]
    server = start_server(own_store.directory)
    found = [trackstream_process(*arguments, store=own_store.directory) for arguments in reads]
    by_address = [trackstream_process(*arguments, store=server.url) for arguments in reads]
    assert found == alone
    assert [(result.code, result.out) for result in by_address] == [
        (result.code, result.out) for result in alone
    ]
    assert [result.code for result in alone] == [0] * 14 + [3, 2, 2, 3] + [0, 0]
    server.stop()
    assert trackstream_process("runs", "list", store=own_store.directory) == alone[3]


def test_the_best_run_is_found_and_nan_never_wins(ask: Any, seeded: Any) -> None:
    best = ask("runs", "best", "-e", "vision", "--metric", "val_loss", "-o", "json").json
    assert [run["run_id"] for run in best] == [seeded.runs["good"]]
    assert best[0]["metrics"]["val_loss"]["value"] == 0.1
    ranked = ask("runs", "best", "-e", "vision", "--metric", "val_loss", "--top", "9", "-o", "json").json
    assert [run["name"] for run in ranked] == ["good", "fast"]
    worst = ask("runs", "best", "-e", "vision", "-m", "val_loss", "--mode", "max", "-o", "json").json
    assert [run["name"] for run in worst] == ["fast"]
    everywhere = ask("runs", "best", "--metric", "val_loss", "-o", "json").json
    assert [run["name"] for run in everywhere] == ["lonely"]


def test_the_table_of_the_best_run_can_be_read_by_awk(ask: Any, seeded: Any) -> None:
    lines = ask("runs", "best", "-e", "vision", "--metric", "val_loss").out.splitlines()
    assert lines[0].split() == ["RUN", "ID", "NAME", "val_loss", "STEP", "layers", "lr", "STATUS"]
    assert lines[1].split() == [seeded.runs["good"], "good", "0.1", "2", "2", "0.01", "FINISHED"]


def test_no_run_with_the_metric_is_not_found(ask: Any) -> None:
    result = ask("runs", "best", "-e", "vision", "--metric", "nothing")
    assert (result.code, result.out) == (3, "")
    start = "Error: no run in 'vision' has a number for metric "
    assert result.err == f"{start}'nothing'; there are speed, val_loss\n"
    near = ask("runs", "best", "-e", "vision", "--metric", "valloss")
    assert near.err == f"{start}'valloss'; did you mean 'val_loss'?\n"
    none = ask("runs", "best", "-e", "vision", "-m", "val_loss", "--filter", "status = 'DONE'")
    assert none.code == 3
    assert "no run has the status 'DONE': it is one of RUNNING" in none.err


def test_a_misspelt_experiment_is_answered_with_the_closest(ask: Any) -> None:
    result = ask("runs", "list", "-e", "visoin")
    assert result.code == 3
    assert "did you mean 'vision'?" in result.err


def test_experiments_by_id(ask: Any) -> None:
    vision = next(item for item in ask("experiments", "list", "-o", "json").json if item["name"] == "vision")
    runs = ask("runs", "list", "--experiment-id", vision["experiment_id"], "-o", "json").json
    assert {run["experiment_name"] for run in runs} == {"vision"}
    assert ask("runs", "list", "--experiment-id", "12345").code == 3
    by_name = ask("runs", "list", "-e", vision["experiment_id"])
    assert by_name.code == 3
    assert f"--experiment-id {vision['experiment_id']} is the experiment 'vision'" in by_name.err
    assert "--experiment-id" not in ask("runs", "list", "-e", "12345").err


def test_limit_says_when_there_is_more(ask: Any) -> None:
    result = ask("runs", "list", "--limit", "2")
    assert len(result.out.splitlines()) == 3
    assert "only the first 2 runs" in result.err
    assert ask("runs", "list", "--limit", "4").err == ""


def test_json_of_a_run_is_what_the_api_gives(ask: Any, seeded: Any) -> None:
    described = ask("runs", "describe", seeded.runs["diverged"], "-o", "json").json
    assert described["run"]["metrics"]["val_loss"]["value"] == "NaN"
    assert described["run"]["params"] == {"lr": "1.0", "layers": "2"}
    points = {item["key"]: item["points"] for item in described["metrics"]}
    assert {key: points[key] for key in ("val_loss", "speed")} == {"val_loss": 3, "speed": 1}
    assert sorted(item["path"] for item in described["artifacts"]) == ["config.json", "notes/about.txt"]


def test_describe_for_people_shows_every_part(ask: Any, seeded: Any) -> None:
    out = ask("runs", "describe", seeded.runs["good"]).out
    for part in (
        "Run\n",
        "Params\n",
        "Metrics\n",
        "Tags\n",
        "Artifacts\n",
        "a [red]x[/red]",
        "notes/about.txt",
        "val_loss",
    ):
        assert part in out
    assert "Conflicts" not in out


def test_compare(ask: Any, seeded: Any) -> None:
    good, fast = seeded.runs["good"], seeded.runs["fast"]
    rows = list(csv.reader(io.StringIO(ask("runs", "compare", good, fast, "-o", "csv").out)))
    assert rows[0] == ["field", good, fast]
    values = {row[0]: row[1:] for row in rows[1:]}
    assert values["params.lr"] == ["0.01", "0.1"]
    assert values["start_time"][0].isdecimal()
    shown = ask("runs", "compare", good, fast).out
    assert values["start_time"][0] not in shown
    assert "start_time" in shown
    assert values["metrics.val_loss"] == ["0.1", "0.4"]
    assert "params.layers" not in values
    assert "params.layers" in ask("runs", "compare", good, fast, "--all").out


def test_export_to_files(ask: Any, seeded: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    assert ask("runs", "export", "--to", str(tmp_path / "runs.parquet")).err.startswith("wrote 4 runs")
    assert sorted(pq.read_table(tmp_path / "runs.parquet")["name"].to_pylist()) == sorted(seeded.runs)
    assert (
        ask("runs", "export", "--metrics", "--key", "val_loss", "--to", str(tmp_path / "points.csv")).code
        == 0
    )
    points = list(csv.DictReader(io.StringIO((tmp_path / "points.csv").read_text())))
    assert len(points) == 10
    diverged = [point["value"] for point in points if point["run_id"] == seeded.runs["diverged"]]
    assert diverged == ["2.0", "50.0", "NaN"]


def test_artifacts_are_downloaded_and_checked(ask: Any, seeded: Any, tmp_path: Path) -> None:
    run_id = seeded.runs["good"]
    first = ask("artifacts", "download", run_id, "--to", str(tmp_path))
    assert first.code == 0
    assert (tmp_path / "notes" / "about.txt").read_text() == "notes on good"
    assert json.loads((tmp_path / "config.json").read_text()) == {"lr": 0.01}
    assert sorted(first.out.split()) == [str(tmp_path / "config.json"), str(tmp_path / "notes" / "about.txt")]
    (tmp_path / "config.json").write_text("mine")
    again = ask("artifacts", "download", run_id, "config.json", "--to", str(tmp_path))
    assert again.code == 4
    assert (tmp_path / "config.json").read_text() == "mine"
    assert ask("artifacts", "download", run_id, "config.json", "--to", str(tmp_path), "--overwrite").code == 0
    assert json.loads((tmp_path / "config.json").read_text()) == {"lr": 0.01}
    assert ask("artifacts", "download", run_id, "nothing/here", "--to", str(tmp_path)).code == 3


def test_a_link_in_the_target_leads_nothing_out_of_it(ask: Any, seeded: Any, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "notes").symlink_to(outside)
    result = ask("artifacts", "download", seeded.runs["good"], "notes/about.txt", "--to", str(inside))
    assert result.code == 2
    assert list(outside.iterdir()) == []


def test_sql_refuses_to_write_or_read_files(ask: Any) -> None:
    for query in (
        "DROP TABLE runs",
        "SELECT * FROM file('/etc/passwd')",
        "INSERT INTO runs VALUES (1)",
        "SELEKT",
    ):
        result = ask("sql", query)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("Error: ")
        assert result.err.count("\n") == 1


def test_sql_as_arrow(ask: Any, tmp_path: Path) -> None:
    import pyarrow as pa

    target = tmp_path / "runs.arrow"
    assert ask("sql", "SELECT name FROM v_runs ORDER BY name", "-o", "arrow", "--to", str(target)).code == 0
    with pa.ipc.open_stream(target) as reader:
        assert reader.read_all()["name"].to_pylist() == ["diverged", "fast", "good", "lonely"]


def test_a_reader_that_goes_away_is_no_error(seeded: Any, ask: Any) -> None:
    import subprocess

    from tests.query_api.cli.conftest import TRACKSTREAM

    command = [TRACKSTREAM, "runs", "export", "--metrics", "--dir", str(seeded.directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_filter_errors_say_where(ask: Any) -> None:
    result = ask("runs", "search", "metrics.val_loss << 1")
    assert result.code == 2
    first, text, caret = result.err.splitlines()
    assert first.startswith("Error: filter: at position 18: got '<'")
    assert text == "  metrics.val_loss << 1"
    assert text[caret.index("^") :] == "< 1"


def test_an_empty_answer_says_when_the_status_is_none(ask: Any) -> None:
    result = ask("runs", "search", "status = 'DONE'", "-o", "json")
    assert (result.code, result.json) == (0, [])
    assert result.err.startswith("no run has the status 'DONE'")
    assert ask("runs", "search", "status = 'FAILED'").err == "no runs\n"


def test_csv_has_the_columns_that_were_asked_for(ask: Any, seeded: Any) -> None:
    asked = ["--columns", "Name,params.lr,metrics.val_loss,duration", "-o", "csv"]
    out = ask("runs", "search", "params.lr = '0.01'", *asked).out
    rows = list(csv.DictReader(io.StringIO(out)))
    duration = rows[0].pop("duration")
    assert rows == [{"name": "good", "params.lr": "0.01", "metrics.val_loss": "0.1"}]
    assert int(duration) >= 0
    assert len(ask("runs", "list", "--columns", "name", "-o", "json").json[0]) > 5
    wrong = ask("runs", "list", "--columns", "val_loss", "-o", "csv")
    assert (wrong.code, wrong.out) == (2, "")
    assert "did you mean metrics.val_loss?" in wrong.err


def test_part_of_a_run_id_is_enough_where_it_fits_one_run(ask: Any, seeded: Any) -> None:
    good, fast = seeded.runs["good"], seeded.runs["fast"]
    described = ask("runs", "describe", good[-12:], "-o", "json").json
    assert described["run"]["run_id"] == good
    header = ask("runs", "compare", good[-12:], fast, "-o", "csv").out.splitlines()[0]
    assert header == f"field,{good},{fast}"
    assert ask("artifacts", "list", good[-12:]).out == ask("artifacts", "list", good).out
    # The first digits are the time to some hours, which all four started within unless a boundary is crossed.
    fitting = {name: run_id for name, run_id in seeded.runs.items() if run_id.startswith(good[:6])}
    several = ask("runs", "describe", good[:6])
    assert several.code == (2 if len(fitting) > 1 else 0)
    assert len(fitting) == 1 or all(f"{run_id} ({name})" in several.err for name, run_id in fitting.items())
    assert ask("runs", "describe", good[-5:]).code == 3
    assert ask("runs", "describe", "a" + "_" * 31).code == 3


def test_status_and_doctor_agree_with_what_was_logged(ask: Any) -> None:
    status = ask("status", "-o", "json").json
    assert (status["runs"], status["dead_letters"], status["records_behind"]) == (4, 0, 0)
    assert status["points"] == 13
    doctor = ask("doctor", "-o", "json")
    assert doctor.code == 0
    assert {
        row["check"]: row["result"] for row in doctor.json if row["check"] != "free disk"
    } == dict.fromkeys(
        ["python", "packages", "directory", "lock", "log", "clock", "engine", "projection", "dead letters"],
        "ok",
    )


def test_the_store_can_come_from_the_environment(ask: Any, seeded: Any, trackstream_process: Any) -> None:
    result = trackstream_process("experiments", "list", TRACKSTREAM_URI=str(seeded.directory))
    assert result.code == 0
    assert "vision" in result.out


def test_a_second_server_is_told_who_holds_the_directory(
    ask: Any, seeded: Any, trackstream_process: Any
) -> None:
    result = trackstream_process("server", "--dir", str(seeded.directory), "--port", "0")
    assert result.code == 4
    assert "in use by process" in result.err
