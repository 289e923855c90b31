"""A project for sweeps, whose loss is lowest at x = 0.3 and n = 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
name: bowl
entry_points:
  main:
    parameters:
      x: float
      n: {type: int, default: 0}
      place: {type: string, default: .}
    command: "python bowl.py {x} {n} {place}"
"""
PROGRAM = """
import json, os, sys, time, urllib.request

x, n, place = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
run_id = os.environ["MLFLOW_RUN_ID"]
if n == 1:
    sys.exit(3)
if os.path.exists(f"{place}/wait"):
    with open(f"{place}/started-{run_id}", "w") as file:
        file.write(str(os.getpid()))
    while not os.path.exists(f"{place}/go"):
        time.sleep(0.05)
metric = {"run_id": run_id, "key": "loss", "value": (x - 0.3) ** 2 + n, "timestamp": 1, "step": 0}
asked = urllib.request.Request(
    os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
    json.dumps(metric).encode(),
    {"Content-Type": "application/json"},
)
urllib.request.urlopen(asked).read()
"""


def make_bowl(place: Path) -> Path:
    """Make the project in a directory of `place`; it fails for n = 1, and waits for `go` beside `wait`."""
    project = place / "bowl"
    project.mkdir()
    (project / "MLproject").write_text(PROJECT)
    (project / "bowl.py").write_text(PROGRAM)
    return project


def pids_in(place: Path) -> list[int]:
    """Return the processes of trials that have begun to wait."""
    return [int(text) for path in place.glob("started-*") if (text := path.read_text())]
