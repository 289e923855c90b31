"""MLflow's own server as a peer: as people get it, and in the best set-up that is known to us.

As shipped means what `pip install mlflow && mlflow server` runs: the default number of workers, SQLite, and
uvicorn without uvloop and httptools. Those two are no dependencies of MLflow but of ours, so in an
environment with both packages its server would pick them up; it is told not to. At its best it has uvloop,
httptools and PostgreSQL; left out where no PostgreSQL is installed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import sqlalchemy

from tests.integration.processes import free_port
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

SHIPPED = "MLflow"
BEST = "MLflow at its best"
_LOOPS = {SHIPPED: "--loop asyncio --http h11", BEST: "--loop uvloop --http httptools"}


def start_mlflow(folder: Path, runs: int, sides: ExitStack) -> dict[str, str]:
    """Start the peers, each with an experiment `seeded` of so many runs; return their URLs."""
    databases = {SHIPPED: _sqlite(folder)}
    postgres = _start_postgres(folder / "postgres", sides)
    if postgres is None:
        print("no PostgreSQL here: MLflow's best set-up is left out", file=sys.stderr)
    else:
        databases[BEST] = postgres
    urls = {}
    for name, database in databases.items():
        urls[name] = _start(name, database, folder, sides)
        _seed(urls[name], database, runs)
    return urls


def start_shipped(folder: Path, sides: ExitStack) -> str:
    """Start MLflow's server as people get it, empty, and return its URL."""
    return _start(SHIPPED, _sqlite(folder), folder, sides)


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


def _start(name: str, database: str, folder: Path, sides: ExitStack) -> str:
    command = [
        str(Path(sys.executable).parent / "mlflow"),
        "server",
        "--backend-store-uri",
        database,
        "--uvicorn-opts",
        _LOOPS[name],
    ]
    return start_server(command, "--port", folder, sides)


def start_server(command: Sequence[str], port_option: str, folder: Path, sides: ExitStack) -> str:
    """Run a server on a free port, which is its last argument, and return its URL once it answers."""
    port = free_port()
    server = subprocess.Popen(
        [*command, *filter(None, [port_option]), str(port)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    sides.callback(server.wait)
    sides.callback(server.terminate)
    url = f"http://127.0.0.1:{port}"
    for _ in range(900):
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{command[0]} did not come up")


def _seed(url: str, database: str, count: int) -> None:
    """Put finished runs with one metric into MLflow's tables: through its API it would take minutes."""
    from mlflow import MlflowClient

    experiment_id = int(MlflowClient(url).create_experiment("seeded"))
    now = int(time.time() * 1000)
    ids = [new_id() for _ in range(count)]
    run = {"source_type": "LOCAL", "user_id": "x", "status": "FINISHED", "start_time": now, "end_time": now}
    rows = {
        "runs": [
            {
                **run,
                "run_uuid": run_id,
                "name": "x",
                "lifecycle_stage": "active",
                "experiment_id": experiment_id,
                "artifact_uri": "",
            }
            for run_id in ids
        ]
    }
    for table in ("metrics", "latest_metrics"):
        rows[table] = [
            {
                "key": "val_loss",
                "value": float(number),
                "timestamp": now,
                "step": 0,
                "is_nan": False,
                "run_uuid": run_id,
            }
            for number, run_id in enumerate(ids)
        ]
    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        tables = sqlalchemy.MetaData()
        tables.reflect(connection, only=list(rows))
        for table, values in rows.items():
            connection.execute(tables.tables[table].insert(), values)
    engine.dispose()


def _start_postgres(folder: Path, sides: ExitStack) -> str | None:
    """Start a PostgreSQL of our own in `folder`; return its address, None where none is installed."""
    installed = [Path("/usr/lib/postgresql"), *Path("/usr/lib/postgresql").glob("*/bin")][1:]
    found = shutil.which("initdb", path=os.pathsep.join(map(str, sorted(installed, reverse=True))))
    initdb = found or shutil.which("initdb")
    if initdb is None:
        return None
    binaries = Path(initdb).resolve().parent
    # It refuses to run as root, whose benchmark must then be the user that its package made.
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder.mkdir()
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    folder.parent.chmod(0o755)
    user = {"user": owner.pw_uid, "group": owner.pw_gid} if os.geteuid() == 0 else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    data = str(folder / "data")
    subprocess.run([initdb, "-D", data, "-U", "mlflow", "-A", "trust"], check=True, **quiet, **user)  # type: ignore[call-overload]
    port = free_port()
    server = subprocess.Popen(  # type: ignore[call-overload]
        [str(binaries / "postgres"), "-D", data, "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"],
        **quiet,
        **user,
    )
    sides.callback(server.wait)
    sides.callback(server.terminate)
    for _ in range(300):
        ready = [str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        if subprocess.run(ready, stdout=subprocess.DEVNULL, check=False).returncode == 0:
            break
        time.sleep(0.1)
    address = f"127.0.0.1:{port}"
    subprocess.run(
        [str(binaries / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow"], check=True
    )
    return f"postgresql+psycopg2://mlflow@{address}/mlflow"
