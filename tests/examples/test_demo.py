"""The demo and the quick start, as a user starts them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trackstream_api.directory_lock import holder_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples"
TRACKSTREAM = str(Path(sys.executable).with_name("trackstream"))


def run_demo(directory: Path, *options: str) -> str:
    command = [
        sys.executable,
        str(EXAMPLES / "demo.py"),
        "--quick",
        "--processes",
        "2",
        "--dir",
        str(directory),
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def best_runs(said: str) -> list[list[str]]:
    """Return name and val_loss of the runs in the tables that the demo printed."""
    rows = [line.split() for line in said.splitlines() if re.match(r"[0-9a-f]{32} ", line)]
    return [row[1:3] for row in rows]


def test_the_demo_stores_what_was_sent_and_finds_the_same_best_run_each_time(tmp_path: Path) -> None:
    first = run_demo(tmp_path / "first")
    assert len(best_runs(first)) == 2
    assert re.search(r"points +60 sent +60 stored +all there", first)
    assert re.search(r"artifacts +16 sent +16 stored +all there", first)
    assert re.search(r"server +http://127\.0\.0\.1:\d+", first)
    assert holder_of(tmp_path / "first") is None
    # Once more on the same data: the counts are those of the new runs alone.
    again = run_demo(tmp_path / "first")
    assert re.search(r"points +60 sent +60 stored +all there", again)
    assert best_runs(again) == best_runs(first)


def test_the_demo_on_the_native_stack_finds_the_same_best_run(tmp_path: Path) -> None:
    missing = [tool for tool in ("java", "mvn", "go") if shutil.which(tool) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"the native stack needs {', '.join(missing)}, not found on the PATH")
    real = run_demo(tmp_path / "native", "--stack", "native")
    assert re.search(r"points +60 sent +60 stored +all there", real)
    assert re.search(r"artifacts +16 sent +16 stored +all there", real)
    assert best_runs(real) == best_runs(run_demo(tmp_path / "embedded"))
    # What it says to do next works, although its own server has stopped.
    assert "`make serve STACK=native` keeps one on the same data" in real
    serve = [sys.executable, str(EXAMPLES / "demo.py"), "--serve", "--stack", "native", "--port", "0"]
    with subprocess.Popen(
        [*serve, "--dir", str(tmp_path / "native")], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            command = next(line for line in process.stdout if line.startswith("  "))
            listed = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=120)
            assert listed.returncode == 0, listed.stderr
            assert re.search(r"^[0-9a-f]{32} ", listed.stdout, re.MULTILINE), listed.stdout
        finally:
            process.terminate()
            process.stdout.read()
        assert process.wait(120) == 0


@pytest.fixture
def running_server(tmp_path: Path) -> Iterator[Path]:
    process = subprocess.Popen(
        [TRACKSTREAM, "server", "--dir", str(tmp_path / "held"), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert "serves" in process.stdout.readline()
        yield tmp_path / "held"
        assert process.poll() is None
        process.terminate()
        assert process.wait(30) == 0


def test_the_demo_uses_a_server_that_runs_already(running_server: Path) -> None:
    said = run_demo(running_server)
    assert "keeps running" in said
    holder = holder_of(running_server)
    assert holder is not None
    assert str(holder.url) in said


def test_the_quick_start_of_the_readme(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(EXAMPLES / "quickstart.py")], cwd=tmp_path, check=True, timeout=120)
    command = [TRACKSTREAM, "runs", "best", "-e", "quickstart", "--metric", "loss", "--output", "json"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120)
    (best,) = json.loads(done.stdout)
    assert best["name"] == "first"
    assert best["metrics"]["loss"]["step"] == 99
