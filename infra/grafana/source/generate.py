"""Writes Grafana's dashboards: `python infra/grafana/source/generate.py`; `--check` only names what is stale.

They are made of the modules beside this one, since SQL and layout are hard to read and to keep alike in JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import compare
import fleet
import registry
import run
import training

DASHBOARDS = Path(__file__).parents[1] / "dashboards"
_BUILDERS = {
    "training-overview": training.build,
    "run-detail": run.build,
    "compare-runs": compare.build,
    "fleet": fleet.build,
    "registry-activity": registry.build,
}


def texts() -> dict[Path, str]:
    """Return what each file should hold."""
    return {
        DASHBOARDS / f"{name}.json": json.dumps(build(), indent=2, ensure_ascii=False) + "\n"
        for name, build in _BUILDERS.items()
    }


def main() -> int:
    """Rewrite what is stale, or only name it."""
    wanted = texts()
    stale = [path for path in DASHBOARDS.glob("*.json") if path not in wanted]
    stale += [
        path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        print(f"{'stale' if '--check' in sys.argv else 'wrote'}: {path.name}")
        if "--check" not in sys.argv and path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
