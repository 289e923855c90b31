"""`make demo`: a hyper-parameter search in 8 processes that log to a directory, read back by the CLI.

The data sets are those inside scikit-learn's wheel. Seeds are fixed, so the best run is always the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from demo_training import CANCER, DIGITS, Report, search_space, work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import SpawnProcess

TRACKSTREAM = str(Path(sys.executable).with_name("trackstream"))
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FOUND = """
SELECT (SELECT count() FROM v_metrics WHERE run_id IN mine) AS points,
       (SELECT count() FROM v_artifacts WHERE run_id IN mine) AS artifacts,
       (SELECT count() FROM v_runs WHERE run_id IN mine AND status = 'FINISHED') AS runs
"""


def main() -> int:
    """Run the demo; returns 0 where the store holds exactly what the workers sent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path("demo-data"), help="directory of the store")
    parser.add_argument("--port", type=int, default=5000, help="port of the server, if it is free")
    parser.add_argument("--processes", type=int, default=8, help="worker processes")
    parser.add_argument("--quick", action="store_true", help="fewer runs and epochs")
    parser.add_argument(
        "--stack",
        choices=["embedded", "native"],
        default="embedded",
        help="one server on the directory, or Kafka, MinIO and ClickHouse's protocol on it",
    )
    parser.add_argument(
        "--serve", action="store_true", help="train nothing: serve what is there until Ctrl-C"
    )
    options = parser.parse_args()
    begin = native if options.stack == "native" else server
    if options.serve:
        with begin(options.dir, options.port) as (url, _):
            return serve(url)

    configurations = search_space()[: 4 if options.quick else None]
    epochs = 5 if options.quick else 40
    session = uuid.uuid4().hex
    print(
        f"Training {len(configurations)} models in {options.processes} processes, logging to {options.dir}/"
    )
    with begin(options.dir, options.port) as (url, ours):
        # The native stack's trainers log to Kafka, and its command line asks the server.
        logged, store = (os.environ["TRACKSTREAM_URI"], url) if begin is native else (options.dir,) * 2
        started = time.monotonic()
        reports = run_workers(logged, session, configurations, epochs, options.processes)
        print(f"Trained and logged in {time.monotonic() - started:.1f} s\n")
        for experiment in (DIGITS, CANCER):
            show("runs", "best", "-e", experiment, "--metric", "val_loss", store=store)
        return summary(store, session, reports, url, ours)


def serve(url: str) -> int:
    """Say where the server is and wait until somebody asks for the end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    print(f"Trackstream answers at {url}; Ctrl-C stops it. In another terminal:", flush=True)
    print(f"  {TRACKSTREAM} runs list -e {DIGITS} --dir {url}", flush=True)
    while True:
        signal.pause()


def run_workers(
    uri: Path | str, session: str, configurations: list[Any], epochs: int, processes: int
) -> list[Report]:
    """Share the configurations out to new processes and return what these say they sent."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"), MPLBACKEND="Agg")
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    workers = [
        spawn.Process(
            target=work, args=(str(uri), session, configurations[number::processes], epochs, results)
        )
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    reports: list[Report] = []
    try:
        progress(0, len(configurations))
        while len(reports) < len(configurations):
            try:
                reports.append(results.get(timeout=0.2))
                progress(len(reports), len(configurations))
            except queue.Empty:
                fail_with(workers)
        for worker in workers:
            worker.join()
        fail_with(workers)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
    progress(len(reports), len(configurations), last=True)
    return reports


def fail_with(workers: list[SpawnProcess]) -> None:
    """End the demo if a worker ended badly."""
    for worker in workers:
        if worker.exitcode:
            sys.exit(f"worker {worker.name} ended with exit code {worker.exitcode}")


def progress(done: int, total: int, *, last: bool = False) -> None:
    """Show how many runs are done, on a terminal."""
    if sys.stdout.isatty():
        print(f"\r{done} of {total} runs", end="\r\x1b[K" if last else "", flush=True)


def show(*arguments: str, store: Path | str) -> None:
    """Run the command line as a user would, and let it print."""
    print("$ trackstream", *arguments, "--dir", store, flush=True)
    code = subprocess.run([TRACKSTREAM, *arguments, "--dir", str(store)], check=False).returncode
    if code != 0:
        sys.exit(f"the command ended with exit code {code}")
    print(flush=True)


def ask(store: Path | str, *arguments: str) -> Any:
    """Run the command line and return its JSON."""
    command = [TRACKSTREAM, *arguments, "--dir", str(store), "--output", "json"]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"trackstream {arguments[0]} ended with exit code {done.returncode}")
    return json.loads(done.stdout)


def summary(store: Path | str, session: str, reports: list[Report], url: str, ours: bool) -> int:
    """Compare what was sent with what is stored; returns the exit code."""
    mine = "(SELECT run_id FROM v_tags WHERE key = 'demo.session' AND value = {session:String})"
    query = FOUND.replace("mine", mine)
    answer = ask(store, "sql", query, "--param", f"session={session}")
    found = dict(zip(("points", "artifacts", "runs"), map(int, answer["rows"][0]), strict=True))
    sent = {
        "points": sum(report.points for report in reports),
        "artifacts": sum(report.artifacts for report in reports),
        "runs": len(reports),
    }
    status = ask(store, "status")
    for what, count in sent.items():
        verdict = "all there" if found[what] == count else "NOT EQUAL"
        print(f"{what:<10} {count:>7,} sent {found[what]:>7,} stored   {verdict}")
    print(f"{'lag':<10} {status['lag_ms']:>7,} ms")
    if ours:
        print(f"{'server':<10} {url} (stops now{and_again(store)})")
    else:
        print(f"{'server':<10} {url} (it was running before and keeps running)")
    return 0 if found == sent else 1


def and_again(store: Path | str) -> str:
    """Say how to have a server on the same data once this one has stopped."""
    command = "make serve" if isinstance(store, Path) else "make serve STACK=native"
    return f"; `{command}` keeps one on the same data"


@contextmanager
def server(directory: Path, port: int) -> Iterator[tuple[str, bool]]:
    """Give the address of a server on the directory, and whether it is ours and stops at the end."""
    from trackstream_api.directory_lock import holder_of

    holder = holder_of(directory)
    if holder is not None and holder.url is not None:
        yield holder.url, False
        return
    command = [TRACKSTREAM, "server", "--dir", str(directory), "--port", str(free_port(port))]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        try:
            yield wait_for(directory, process, said), True
        finally:
            process.terminate()
            process.wait()


@contextmanager
def native(directory: Path, port: int) -> Iterator[tuple[str, bool]]:
    """Give the address of a server on a native stack of our own, which stops at the end."""
    from trackstream_api.native.stack import up

    with up(directory / "native", say=print) as stack, tempfile.TemporaryFile() as said:
        os.environ.update(stack.environment())
        subprocess.run([TRACKSTREAM, "topics", "create"], check=True, stdout=subprocess.DEVNULL)
        number = free_port(port)
        commands = (["consume", "all"], ["server", "--port", str(number)])
        processes = [
            subprocess.Popen([TRACKSTREAM, *command], stdout=said, stderr=subprocess.STDOUT)
            for command in commands
        ]
        try:
            url = f"http://127.0.0.1:{number}"
            wait_for_answer(url, processes, said)
            yield url, True
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def wait_for_answer(url: str, processes: list[subprocess.Popen[bytes]], said: IO[bytes]) -> None:
    """Return once the server answers."""
    for _ in range(600):
        if any(process.poll() is not None for process in processes):
            break
        try:
            with urllib.request.urlopen(f"{url}/health"):
                return
        except OSError:
            time.sleep(0.1)
    said.seek(0)
    sys.exit(f"the stack's processes did not start: {said.read().decode().strip()}")


def wait_for(directory: Path, process: subprocess.Popen[bytes], said: IO[bytes]) -> str:
    """Return the address that the server announces once it answers."""
    from trackstream_api.directory_lock import holder_of

    for _ in range(600):
        if process.poll() is not None:
            said.seek(0)
            sys.exit(f"the server did not start: {said.read().decode().strip()}")
        holder = holder_of(directory)
        if holder is not None and holder.pid == process.pid and holder.url is not None:
            return holder.url
        time.sleep(0.05)
    sys.exit("the server did not start within 30 s")


def free_port(wanted: int) -> int:
    """Return the wanted port, or another one where that is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    sys.exit("no free port")


if __name__ == "__main__":
    sys.exit(main())
