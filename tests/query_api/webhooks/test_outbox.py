"""The outbox: what it keeps, together with how far the log was read."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from trackstream_api.webhooks.outbox import NewDelivery, Outbox
from trackstream_schemas import topics
from trackstream_schemas.errors import StorageFailed
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from pathlib import Path

RUNS = TopicPartition(topics.RUNS, 0)


def new(number: int, webhook: str = "chat") -> NewDelivery:
    return NewDelivery(webhook, f"id{number}", "run.finished", b"{}")


def test_deliveries_and_positions_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "webhooks.db"
    with Outbox(path) as outbox:
        assert outbox.positions() == {}
        outbox.accept([new(1), new(2), new(1, "other")], {RUNS: 7})
        first = outbox.next_of("chat")
        assert first is not None
        outbox.delivered(first.number)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Outbox(path) as outbox:
        assert outbox.positions() == {RUNS: 7}
        # A record that is read again brings nothing twice.
        outbox.accept([new(2)], {RUNS: 8})
        second = outbox.next_of("chat")
        assert second is not None
        assert (second.delivery_id, outbox.counts()) == ("id2", {"chat": (1, 0), "other": (1, 0)})


def test_what_failed_waits_and_what_is_given_up_can_be_tried_again(tmp_path: Path) -> None:
    with Outbox(tmp_path / "webhooks.db") as outbox:
        outbox.accept([new(1), new(2)], {RUNS: 1})
        first = outbox.next_of("chat")
        assert first is not None
        outbox.failed(first.number, "503", 3600)
        second = outbox.next_of("chat")
        assert second is not None
        assert second.delivery_id == "id2"
        outbox.failed(second.number, "410", None)
        (dead,) = outbox.dead_letters()
        assert (dead.delivery_id, dead.attempts, dead.error) == ("id2", 1, "410")
        assert dead.given_up_at is not None
        waiting = outbox.next_of("chat")
        assert waiting is not None
        assert (waiting.delivery_id, waiting.attempts) == ("id1", 1)
        assert not outbox.retry(waiting.number)
        assert outbox.retry(dead.number)
        again = outbox.next_of("chat")
        assert again is not None
        assert (again.delivery_id, again.attempts, outbox.dead_letters()) == ("id2", 0, [])
        assert not outbox.drop(again.number)


def test_what_waits_for_a_webhook_that_is_gone_is_given_up(tmp_path: Path) -> None:
    with Outbox(tmp_path / "webhooks.db") as outbox:
        outbox.accept([new(1), new(2, "gone")], {RUNS: 1})
        assert outbox.give_up_all_but(["chat"]) == 1
        assert [letter.webhook for letter in outbox.dead_letters()] == ["gone"]
        assert outbox.give_up_all_but(["chat"]) == 0
        assert outbox.drop(outbox.dead_letters()[0].number)
        assert outbox.counts() == {"chat": (1, 0)}


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="outbox"):
        Outbox(tmp_path)
    (tmp_path / "webhooks.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageFailed, match="not a database"):
        Outbox(tmp_path / "webhooks.db")
