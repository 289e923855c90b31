"""However a process ends, what it logged is on the log; and what a fork does to all this."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.producer_sdk.log_contents import (
    assert_none_lost_or_doubled,
    assert_sequences_whole,
    bodies,
    points,
    stored,
)
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from pathlib import Path

_BEGIN = """
import os, signal, sys, time
import trackstream
trackstream.set_tracking_uri(sys.argv[1])
def log(first, last, key="loss"):
    for step in range(first, last):
        trackstream.log_metric(key, step, step=step)
"""
_RUN = _BEGIN + "trackstream.start_run()\nlog(0, 5000)\n"


def end(script: str, store: Path, expect: int) -> str:
    """Run a script in a process of its own; return its standard error."""
    command = [sys.executable, "-c", script, str(store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == expect, done.stderr
    return done.stderr


def assert_steps(store: Path, last: int) -> None:
    assert [point.step for point in points(store)] == list(range(last))
    assert_sequences_whole(stored(store))


def statuses(store: Path) -> list[str]:
    return [body.status for body in bodies(store, e.RunUpdated)]


@pytest.mark.parametrize(
    ("ending", "code", "status"),
    [
        ("", 0, "FINISHED"),
        ("sys.exit(3)", 3, "FINISHED"),
        ("raise ValueError('no')", 1, "FAILED"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -signal.SIGTERM, "KILLED"),
    ],
    ids=["end-of-script", "sys.exit", "unhandled-exception", "sigterm"],
)
def test_an_open_run_is_flushed_and_ended(store: Path, ending: str, code: int, status: str) -> None:
    end(_RUN + ending, store, code)
    assert_steps(store, 5000)
    assert statuses(store) == [status]


@pytest.mark.parametrize("ending", ["", "del client, run"], ids=["kept", "dropped"])
def test_a_client_that_nobody_closes_is_flushed_at_a_normal_end(store: Path, ending: str) -> None:
    script = "import sys, trackstream\nclient = trackstream.Client(sys.argv[1])\nrun = client.create_run()\n"
    end(f"{script}for step in range(100):\n    run.log_metric('loss', step, step=step)\n{ending}", store, 0)
    assert_steps(store, 100)


def test_an_exception_in_the_block_fails_the_run_once(store: Path) -> None:
    script = _BEGIN + "with trackstream.start_run():\n    log(0, 100)\n    raise ValueError('no')\n"
    assert "ValueError: no" in end(script, store, 1)
    assert_steps(store, 100)
    assert statuses(store) == ["FAILED"]


@pytest.mark.parametrize(
    "inside",
    [
        "producer._changed",
        "exit_hooks.held_back(), client._writer._lock",
        "exit_hooks.held_back(), producer.losses._lock",
    ],
    ids=["producer", "log-writer", "losses"],
)
def test_a_sigterm_while_the_main_thread_holds_a_lock(store: Path, inside: str) -> None:
    # The thread that sends needs these locks, and the handler waits for the thread.
    script = (
        _RUN
        + "from trackstream import exit_hooks, sessions\nclient = sessions.client()\n"
        + f"producer = client.producer\nwith {inside}:\n"
        + "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(0.1)\ntime.sleep(60)\n"
    )
    assert end(script, store, -signal.SIGTERM) == ""
    assert_steps(store, 5000)
    assert statuses(store) == ["KILLED"]


def test_a_sigterm_in_the_flush_at_exit_cuts_nothing(store: Path) -> None:
    script = (
        _RUN
        + "from trackstream import sessions\nproducer = sessions.client().producer\n"
        + "notify_all = producer._changed.notify_all\n"
        + "def interrupted():\n    notify_all()\n"
        + "    if producer._backlog.closing and producer._changed._is_owned() and not sent:\n"
        + "        sent.append(1)\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        + "sent = []\nproducer._changed.notify_all = interrupted\n"
    )
    assert end(script, store, -signal.SIGTERM) == ""
    assert_steps(store, 5000)


def test_what_a_sigterm_in_the_flush_at_exit_leaves_unsent_is_said(store: Path) -> None:
    # The log is away; the close that spools what is left is the handler's, not the interrupted one.
    script = (
        "import os\nos.environ['TRACKSTREAM_FLUSH_TIMEOUT_S'] = '0.5'\n"
        + _BEGIN
        + "trackstream.start_run()\ntrackstream.flush()\n"
        + "from trackstream import sessions\nfrom trackstream.errors import StorageFailed\n"
        + "client = sessions.client()\n"
        + "def refuse(*_):\n    raise StorageFailed('away')\n"
        + "client._writer._append = refuse\nlog(0, 50)\n"
        + "with client.producer._changed:\n"
        + "    client.producer._backlog.closing = True\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        + "    time.sleep(60)\n"
    )
    assert "50 points and 1 events are in the spool" in end(script, store, -signal.SIGTERM)


def test_a_sigterm_that_meets_a_child_at_its_birth_ends_it(store: Path) -> None:
    script = (
        _RUN
        + "trackstream.flush()\nfor _ in range(50):\n"
        + "    child = os.fork()\n    if child == 0:\n        time.sleep(20)\n        os._exit(1)\n"
        + "    os.kill(child, signal.SIGTERM)\n"
        + "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM\n"
    )
    end(script, store, 0)
    assert_steps(store, 5000)
    assert statuses(store) == ["FINISHED"]


def test_a_handler_of_sigterm_that_was_there_before_is_called_after_the_flush(store: Path) -> None:
    script = (
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: seen.append(1))\nseen = []\n"
        + _RUN
        + "os.kill(os.getpid(), signal.SIGTERM)\nlog(5000, 5010)\ntrackstream.end_run()\n"
        "sys.exit(40 + len(seen))"
    )
    end(script, store, 41)
    assert_steps(store, 5010)
    assert statuses(store) == ["FINISHED"]


def test_an_ignored_sigterm_stays_ignored(store: Path) -> None:
    script = (
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + _RUN
        + "os.kill(os.getpid(), signal.SIGTERM)\nsys.exit(7)"
    )
    end(script, store, 7)
    assert_steps(store, 5000)


def test_importing_installs_nothing() -> None:
    script = (
        "import signal, sys, threading\nbefore = signal.getsignal(signal.SIGTERM)\n"
        "import trackstream\nassert signal.getsignal(signal.SIGTERM) is before\n"
        "assert threading.active_count() == 1\n"
        "heavy = {'numpy', 'fastavro', 'httpx', 'pydantic', 'matplotlib', 'psutil', 'PIL', 'yaml'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("leave", ["trackstream.flush(); os._exit(0)", "sys.exit(0)"])
def test_a_forked_child_goes_on_as_a_producer_of_its_own(store: Path, leave: str) -> None:
    # The parent's points are still in memory when it forks, and its thread may be in the middle of sending.
    script = f"""{_BEGIN}
with trackstream.start_run() as run:
    children = []
    for number in range(4):
        log(0, 2000, f"parent{{number}}")
        child = os.fork()
        if child == 0:
            log(0, 1000, f"child{{number}}")
            {leave}
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
"""
    end(script, store, 0)
    expected = [
        (f"{kind}{n}", s)
        for n in range(4)
        for kind, c in (("parent", 2000), ("child", 1000))
        for s in range(c)
    ]
    assert_none_lost_or_doubled([(point.key, point.step) for point in points(store)], expected)
    records = stored(store)
    assert_sequences_whole(records)
    assert len({record.event.envelope.producer_id for record in records}) == 5
    assert statuses(store) == ["FINISHED"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_that_just_return(store: Path, tmp_path: Path, method: str) -> None:
    script = tmp_path / "trainer.py"
    script.write_text(f"""
import multiprocessing, sys
import trackstream

def work(uri, run_id, number):
    trackstream.set_tracking_uri(uri)
    for step in range(500):
        trackstream.log_metric(f"m{{number}}", step, step=step, run_id=run_id)
    if number == 0:
        trackstream.start_run()
        trackstream.log_metric("own", 1)

if __name__ == "__main__":
    trackstream.set_tracking_uri(sys.argv[1])
    context = multiprocessing.get_context({method!r})
    with trackstream.start_run() as run:
        trackstream.flush()
        workers = [context.Process(target=work, args=(sys.argv[1], run.run_id, n)) for n in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
""")
    done = subprocess.run(
        [sys.executable, str(script), str(store)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = [(f"m{number}", step) for number in range(3) for step in range(500)] + [("own", 0)]
    assert_none_lost_or_doubled([(point.key, point.step) for point in points(store)], expected)
    assert_sequences_whole(stored(store))
    assert statuses(store) == ["FINISHED"] * 2


def test_a_forked_child_may_resume_the_run_that_it_was_forked_in(store: Path) -> None:
    script = f"""{_BEGIN}
with trackstream.start_run() as run:
    trackstream.flush()
    child = os.fork()
    if child == 0:
        with trackstream.start_run(run_id=run.run_id):
            log(0, 100, "child")
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    log(0, 100, "parent")
"""
    end(script, store, 0)
    expected = [(key, step) for key in ("child", "parent") for step in range(100)]
    assert_none_lost_or_doubled([(point.key, point.step) for point in points(store)], expected)


def test_processes_log_into_one_run_at_once(store: Path) -> None:
    first = _BEGIN + "print(trackstream.start_run().run_id)\ntrackstream.flush()"
    run_id = subprocess.run(
        [sys.executable, "-c", first, str(store)], capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()
    script = (
        _BEGIN
        + f"run_id = {run_id!r}\nfor step in range(5000):\n"
        + "    trackstream.log_metric('m' + sys.argv[2], step, step=step, run_id=run_id)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(store), str(number)], stderr=subprocess.PIPE)
        for number in range(4)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    found = [(point.run_id, point.key, point.step) for point in points(store)]
    assert_none_lost_or_doubled(
        found, [(run_id, f"m{number}", step) for number in range(4) for step in range(5000)]
    )
    assert_sequences_whole(stored(store))
