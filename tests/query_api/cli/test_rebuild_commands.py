"""`trackstream verify`, and `trackstream replay` of a part, on a store that was tampered with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TAMPER = """
import sys
from pathlib import Path
from trackstream_consumers.engine import Engine
engine = Engine(Path(sys.argv[1]))
with engine.client() as client:
    client.command(sys.argv[2])
engine.close()
"""


def tamper(store: Path, statement: str) -> None:
    """Change a table behind everybody's back."""
    command = [sys.executable, "-c", _TAMPER, str(store / "engine"), statement]
    subprocess.run(command, check=True, timeout=120)


def test_a_row_that_was_tampered_with_is_named_and_mended(
    own_store: Any, trackstream_process: Callable[..., Any]
) -> None:
    def ask(*arguments: str) -> Any:
        return trackstream_process(*arguments, store=own_store.directory)

    run_id = own_store.runs["good"]
    clean = ask("verify", "-o", "json")
    assert (clean.code, clean.json["equal"]) == (0, True)
    tamper(
        own_store.directory,
        "INSERT INTO run_params SELECT key, run_id, '0.5', version + 1, is_deleted FROM run_params FINAL"
        f" WHERE run_id = '{run_id}' AND key = 'lr'",
    )
    found = ask("verify", "--topic", "runs")
    assert found.code == 1
    assert "run_params" in found.err
    [line] = [line for line in found.out.splitlines() if line.startswith("run_params")]
    assert line.split() == ["run_params", "6", "1", "key=lr", f"run_id={run_id}", "value", "0.5", "0.01"]
    metrics = ask("verify", "--topic", "metrics")
    assert metrics.code == 0
    assert "the tables hold what the log says" in metrics.err
    assert ask("replay", "--topic", "metrics").code == 0
    assert ask("verify").code == 1
    assert ask("replay", "--since", "runs:0:0", "--topic", "runs").code == 0
    assert ask("verify").code == 0


def test_contents_come_back_from_the_log(own_store: Any, trackstream_process: Callable[..., Any]) -> None:
    assert trackstream_process("runs", "list", store=own_store.directory).code == 0
    shutil.rmtree(own_store.directory / "blobs")
    replayed = trackstream_process("replay", "-o", "json", store=own_store.directory)
    assert (replayed.code, replayed.err, replayed.json["missing_contents"]) == (0, "", 0)
    contents = [path.read_bytes() for path in (own_store.directory / "blobs").rglob("*") if path.is_file()]
    assert b"notes on good" in contents


def test_a_moment_that_says_nothing_is_refused(seeded: Any, trackstream_process: Callable[..., Any]) -> None:
    refused = trackstream_process(
        "replay", "--since", "metrics:0:0", "--topic", "runs", store=seeded.directory
    )
    assert refused.code == 2
    assert "a position in what is rebuilt: experiments, runs" in refused.err
