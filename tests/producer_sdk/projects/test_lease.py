"""Who is not heard of gives its launch up before others take it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.producer_sdk.broken_writers import StallingWriter
from trackstream.client import Client
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.projects import lease
from trackstream.projects.lease import Lease, SignsOfLife
from trackstream.projects.recorder import Recorder
from trackstream.settings import Settings
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

LONG = 1e6


def test_it_ends_before_others_may_take_the_launch() -> None:
    assert lease.OURS_HEARTBEATS < lease.LOST_HEARTBEATS
    old = Lease(10.0, lease.now() - 26.0)
    assert old.is_over()
    old.renew(lease.now() - LONG)
    assert old.is_over()
    old.renew(lease.now() + LONG)
    assert not old.is_over()


def test_a_launcher_whose_heartbeats_do_not_arrive_gives_up(tmp_path: Path) -> None:
    writer = StallingWriter(SqliteLogWriter(tmp_path / "log.db"))
    client = Client(tmp_path, settings=Settings(spool_dir=str(tmp_path / "spool")), writer=writer)
    given_up = threading.Event()
    recorder = Recorder(client, new_id(), new_id(), "claim")
    signs = SignsOfLife(recorder, 0.2, Lease(0.2, lease.now()), given_up.set)
    signs.start()
    assert given_up.wait(60)
    signs.stop()
    writer.go_on.set()
    client.close()


def test_one_that_is_heard_of_goes_on(tmp_path: Path) -> None:
    client = Client(tmp_path)
    launch_id, before = new_id(), lease.now() - 100.0
    held, given_up = Lease(60.0, before), threading.Event()
    signs = SignsOfLife(Recorder(client, launch_id, new_id(), "claim"), 60.0, held, given_up.set)
    signs.start()
    pause = threading.Event()
    for _ in range(600):
        if held.heard_at > before:
            break
        pause.wait(0.1)
    signs.stop()
    history = client.history(topics.LAUNCHES, launch_id) or []
    assert [type(event.body) for event in history] == [e.LaunchHeartbeat]
    assert held.heard_at > before
    assert not held.is_over()
    assert not given_up.is_set()
    client.close()
