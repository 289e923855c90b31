"""docs/faults.md, written from a run of the whole matrix."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream_api.native.install import MINIO_VERSION, kafka_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.integration.faults.matrix import Case
    from tests.integration.faults.outcome import Outcome

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
_HEAD = """# What happens when parts fail

Written by the fault matrix in `tests/integration/faults` from a run of its own;
`TRACKSTREAM_WRITE_FAULTS=1 pytest tests/integration/faults` writes it anew.

Run against real processes: Kafka {kafka} on the JVM (one broker; three where the case says so), MinIO
({minio}) and **chDB {chdb} behind our front for ClickHouse's HTTP protocol, not a ClickHouse server**: no
server binary could be installed where this was run. Two consumers of each kind share four partitions (in the
case of removed records only of metrics), with a session of 6 s; two API replicas (with three brokers none, in
that case one). On {cores} cores with Python {python}, both stacks at the same time.

In each case several producers log runs with params, tags, metric points and files (small ones on the log,
large ones straight to MinIO) all the time, and write down what is acknowledged. Then every row and every file
is compared with that: values bit for bit, each once. What was not acknowledged may be there, but not twice.

* **acknowledged**: metric points / params, tags, files and ends of runs
* **lost**: of these, not in the store
* **doubled**: in the store more than once
* **time to recover**: from when the trouble was over (a killed part is back; a killed process that nobody
  restarts is gone) until every producer had an acknowledgement for what it logged after that, and all that
  was on the log by then could be read

| case | how it was provoked | acknowledged | lost | doubled | time to recover |
| --- | --- | ---: | ---: | ---: | ---: |
"""
_FOOT = """
What a table cannot say:

* `kill -9` is not a loss of power: what a process had handed to the operating system stays. Kafka
  acknowledges when all in-sync brokers have a record, not when it is on a disk.
* **A disk that is filled within moments can damage the analytical store.** chDB 4.4.0 (ClickHouse 26.9.2)
  does not heed a write that fails with ENOSPC where another took the space that it had reserved: it commits
  a part whose files are all empty, of a merge or of an insert that it acknowledges. That happens without
  any of our code, and in some runs of this case and not in others. Queries of the part then fail with
  CORRUPTED_DATA or CANNOT_READ_ALL_DATA, and consumers that meet them wait and say so. A reserve narrows it
  down: with less than `TRACKSTREAM_MIN_FREE_DISK_BYTES` (128 MiB) free, inserts are refused before they
  write, so that a disk which fills slowly is not written to its end
  (`tests/integration/test_nearly_full_disk.py`). What remains is whatever is being written, by an insert or
  a merge, while another process takes the whole reserve, as in this case. The log has everything: rebuild
  the tables after a full disk. Whether a ClickHouse server does the same was not tried.
* While MinIO is away, files too large for the log are not kept; the SDK counts and warns (`delivery_report`),
  and the file counts here as not acknowledged. Small ones wait on the log.
* The wrong clocks are wrong for the SDK and all that it stamps; requests to S3 were signed with the right
  time.
  S3 refuses requests that are more than 15 minutes off, so a machine whose whole clock is that wrong can be
  expected to have its large files refused. That was not tried.
* Records that retention removed before they were projected are gone. Consumers stop with an error that names
  them and exit code 6; `trackstream status` and `doctor` name them too, and `trackstream_lost_records` of the
  API's metrics counts them. `trackstream consume --accept-loss` goes on behind the gap and leaves a dead
  letter for it.
"""


def page(outcomes: Mapping[str, Outcome], cases: Sequence[Case]) -> str:
    """Return the page for a run of all cases."""
    head = _HEAD.format(
        kafka=kafka_version(),
        minio=MINIO_VERSION.rpartition("-")[2],
        chdb=version("chdb"),
        cores=os.cpu_count(),
        python=platform.python_version(),
    )
    rows = []
    for case in cases:
        outcome = outcomes[case.name]
        tally = outcome.tally
        acknowledged = f"{tally.points:,} / {tally.others:,}"
        lost = f"{tally.lost}, beside {tally.named:,} named" if tally.named else f"{tally.lost}"
        lost += f", {outcome.remark}" if outcome.remark else ""
        rows.append(
            f"| {case.title} | {case.provoked} | {acknowledged} | {lost} | {tally.doubled}"
            f" | {outcome.recovered:.1f} s |\n"
        )
    return head + "".join(rows) + _FOOT
