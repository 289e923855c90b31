"""Serve a chDB engine by ClickHouse's HTTP protocol: `python -m trackstream_api.clickhouse_front --path DIR`.

The user and the password come from CLICKHOUSE_USER and CLICKHOUSE_PASSWORD (the variables of ClickHouse's
own container image), so that the password shows in no list of processes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    # A server's times are in UTC wherever it runs; the engine takes the zone when it is loaded.
    os.environ.setdefault("TZ", "UTC")
    parser = argparse.ArgumentParser(prog="python -m trackstream_api.clickhouse_front", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="directory of the engine, made where needed")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123)
    given = parser.parse_args()
    password = os.environ.get("CLICKHOUSE_PASSWORD")
    if not password:
        parser.error("set CLICKHOUSE_PASSWORD: whoever connects may do everything to the data")

    import uvicorn

    from trackstream_api.clickhouse_front.app import create_server_front

    users = {os.environ.get("CLICKHOUSE_USER", "default"): password}
    app = create_server_front(given.path, users)
    try:
        uvicorn.run(
            app,
            host=given.host,
            port=given.port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=10,
            timeout_keep_alive=75,
        )
    finally:
        app.state.close()


if __name__ == "__main__":
    main()
