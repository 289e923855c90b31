"""`python -m benchmarks [CASE …]`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import scale
from benchmarks.measure import save, table, written
from benchmarks.scale import FULL, RESULTS, Scale

if TYPE_CHECKING:
    from collections.abc import Sequence

CASES = (
    "log_metric",
    "stalled_log",
    "encode",
    "ingest",
    "ingest_stack",
    "freshness",
    "mlflow_client",
    "million",
    "chart",
    "disk",
    "replay",
    "replay_stack",
    "idle",
    "growth",
    "fleet",
    "web_ui",
)


def main() -> None:
    """Run the cases one after the other; what a finished one found is kept whatever becomes of the next."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Run benchmarks and write their results.")
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], help="which ones; all where none is named")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, to try the cases; results untouched"
    )
    parser.add_argument("--runs", type=int, default=FULL.most_runs, help="runs of the largest store")
    parser.add_argument("--points", type=int, default=FULL.most_points, help="points of the largest store")
    parser.add_argument("--fleet-seconds", type=float, default=FULL.fleet_seconds, help="length of `fleet`")
    given = parser.parse_args()
    cases = given.cases or CASES
    with tempfile.TemporaryDirectory() as state:
        # Spools: neither is forwarded what others have left on this machine, nor is anything left.
        os.environ["XDG_STATE_HOME"] = state
        failed = _run_at(given, cases)
    if failed:
        sys.exit(f"did not come to an end: {', '.join(failed)}")


def _run_at(given: argparse.Namespace, cases: Sequence[str]) -> list[str]:
    if given.quick:
        with tempfile.TemporaryDirectory() as folder:
            return _run(cases, scale.quick(Path(folder)))
    sizes = Scale(most_runs=given.runs, most_points=given.points, fleet_seconds=given.fleet_seconds)
    failed = _run(cases, sizes)
    (RESULTS / "README.md").write_text(written())
    print(table())
    return failed


def _run(cases: Sequence[str], sizes: Scale) -> list[str]:
    failed = []
    for case in cases:
        print(f"{case} …", file=sys.stderr, flush=True)
        begun = time.monotonic()
        try:
            figures = importlib.import_module(f"benchmarks.{case}").run(sizes)
        except Exception:  # noqa: BLE001 - the other cases took long enough to be kept
            traceback.print_exc()
            failed.append(case)
            continue
        print(f"{case}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        if sizes.quick:
            print(table({case: figures}), flush=True)
        else:
            save(case, figures)
    return failed


if __name__ == "__main__":
    main()
