"""`runs describe` of what the SDK logged: completeness, writers, branches."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRAIN = """
import sys
import trackstream

trackstream.set_tracking_uri(sys.argv[1])
resumed = {"run_id": sys.argv[2], "rewind_to_step": 2} if len(sys.argv) > 2 else {}
with trackstream.start_run(**resumed) as run:
    for step in range(3 if resumed else 0, 6):
        trackstream.log_metric("loss", step + (0.5 if resumed else 0.0), step=step)
    if not resumed:
        trackstream.log_metric("early", 1.0, step=4)
        trackstream.log_param("lr", 0.1)
        trackstream.log_text("x", "note.txt")
    print(run.info.run_id)
"""


def train(store: Path, *run_id: str) -> str:
    command = [sys.executable, "-c", TRAIN, str(store), *run_id]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with one run, that a second process took back to step 2."""
    directory = tmp_path_factory.mktemp("rewound") / "store"
    run_id = train(directory)
    assert train(directory, run_id) == run_id
    return directory, run_id


def test_it_tells_whether_all_is_here_and_who_wrote(
    trackstream_process: Callable[..., Any], store: tuple[Path, str]
) -> None:
    directory, run_id = store
    described = trackstream_process("runs", "describe", run_id, "-o", "json", store=directory).json
    told = described["completeness"]
    assert told["completeness"] == "complete", told["summary"]
    assert [writer["state"] for writer in told["writers"]] == ["closed", "closed"]
    assert [writer["sent"]["points"] for writer in told["writers"]] == [7, 3]
    assert [branch["rewound_to_step"] for branch in described["branches"]] == [None, 2]


def test_the_newest_branch_is_shown_and_an_older_one_by_its_number(
    trackstream_process: Callable[..., Any], store: tuple[Path, str]
) -> None:
    directory, run_id = store
    newest = trackstream_process("runs", "describe", run_id, store=directory).out
    older = trackstream_process("runs", "describe", run_id, "--branch", "0", store=directory).out
    assert "Branches" in newest
    assert "7 of 7" in newest
    metrics = {
        line.split()[0]: line.split()[1]
        for line in newest.split("Metrics")[1].splitlines()
        if line.split()[1:]
    }
    assert metrics["loss"] == "5.5"
    assert "early" not in metrics
    assert "Metrics of branch 0" in older
    assert "early" in older
    refused = trackstream_process("runs", "describe", run_id, "--branch", "7", store=directory)
    assert refused.code == 3
    assert "branches 0 to 1" in refused.err
