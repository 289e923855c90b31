"""A trainer that logs at a steady rate and writes down what was acknowledged.

`python -m tests.integration.faults.producer_process URI NAME SEED JOURNAL STOP_FILE [CLOCK_OFFSET_S]` goes on
until the stop file appears, then ends its run and leaves once everything is acknowledged. With an offset its
clock is wrong by so many seconds, as far as Python's `time` tells it: that is all that the SDK ever asks.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from pathlib import Path

PORTION = 250
PORTIONS_A_RUN = 16
PAUSE_S = 0.05
FLUSH_S = 1.0
GIVE_UP_S = 300.0


def shift_clock(seconds: float) -> None:
    """Set this process's clock wrong; before anything takes a reference to the real one."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)


def main(uri: str, name: str, seed: str, journal_path: str, stop_file: str) -> None:
    import trackstream
    from tests.integration.faults.journal import FIRST_STEP, KEYS, Journal, values_of

    journal = Journal(Path(journal_path))
    stop = Path(stop_file)
    client = trackstream.Client(uri)
    experiment = client.get_or_create_experiment("faults").experiment_id
    folder = Path(tempfile.mkdtemp(prefix="trackstream-faults-"))
    files_lost = 0

    def acknowledged(seconds: float) -> bool:
        if not client.flush(seconds):
            return False
        report = client.delivery_report()
        assert (lost(), report.lost_points, report.dropped) == (files_lost, 0, {}), report
        journal.note("acknowledged")
        return True

    def lost() -> int:
        return sum(count.events for count in client.delivery_report().lost.values())

    def log_file(path: str, content: bytes) -> None:
        nonlocal files_lost
        local = folder / path
        local.write_bytes(content)
        before = lost()
        run.log_artifact(local)
        if lost() > before:  # the store was away, and the SDK said so
            files_lost += lost() - before
        else:
            journal.note("files", run=run.run_id, values={path: hashlib.sha256(content).hexdigest()})

    number = 0
    while not stop.exists():
        run = client.create_run(experiment, run_name=f"{name}-{number}")
        run_seed = int(seed) * 1000 + number
        params = {"producer": name, "number": str(number), "rate": repr(0.1 / (number + 1))}
        tags = {"team": f"team {number % 3}", "note": f"{name} ü {number}"}
        journal.note("params", run=run.run_id, seed=run_seed, values=params)
        run.log_params(params)
        journal.note("tags", run=run.run_id, values=tags)
        for key, value in tags.items():
            run.set_tag(key, value)
        log_file("notes.txt", f"{name} {number} ".encode() * 2000)
        if number % 2:
            log_file("weights.bin", hashlib.sha256(f"{name} {number}".encode()).digest() * 8000)
        for portion in range(PORTIONS_A_RUN):
            first, timestamp = portion * PORTION, int(time.time() * 1000)
            journal.note("portion", run=run.run_id, first=first, count=PORTION, timestamp=timestamp)
            for index, value in enumerate(values_of(run_seed, first, PORTION).tolist(), first):
                run.log_metric(KEYS[index % len(KEYS)], value, FIRST_STEP + index, timestamp)
            acknowledged(FLUSH_S)
            if stop.exists():
                break
            time.sleep(PAUSE_S)
        journal.note("end", run=run.run_id, status="FINISHED")
        client.set_terminated(run.run_id)
        number += 1
    until = time.monotonic() + GIVE_UP_S
    while not acknowledged(FLUSH_S):
        assert time.monotonic() < until, "the log does not take what is left"
    client.close()


if __name__ == "__main__":
    if len(sys.argv) > 6:
        shift_clock(float(sys.argv[6]))
    main(*sys.argv[1:6])
