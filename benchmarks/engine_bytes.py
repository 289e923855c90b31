"""`python -m benchmarks.engine_bytes STORE`: the bytes of each table of a closed store, as one JSON line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from trackstream_consumers.engine import Engine

_BYTES = """
    SELECT table, sum(bytes_on_disk) FROM system.parts
    WHERE active AND database = {database:String} GROUP BY table
"""


def main() -> None:
    engine = Engine(Path(sys.argv[1]) / "engine")
    with engine.client() as client:
        rows = client.query(_BYTES, parameters={"database": engine.database}).result_rows
    engine.close()
    print(json.dumps({str(row[0]): int(row[1]) for row in rows}))


if __name__ == "__main__":
    main()
