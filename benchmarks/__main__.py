"""`python -m benchmarks [CASE …]`."""

from __future__ import annotations

import argparse
import importlib
import sys

from benchmarks.measure import RESULTS, save, table

CASES = ("log_metric", "stalled_log", "ingest", "replay", "mlflow_client")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Run benchmarks and write their results.")
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], help="which ones; all where none is named")
    for case in parser.parse_args().cases or CASES:
        print(f"{case} …", file=sys.stderr, flush=True)
        save(case, importlib.import_module(f"benchmarks.{case}").run())
    (RESULTS / "README.md").write_text(f"# Results\n\nWritten by `make bench`.\n\n{table()}")
    print(table())


if __name__ == "__main__":
    main()
