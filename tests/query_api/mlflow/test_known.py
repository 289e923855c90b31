"""What is known to be active, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.known import Known
from trackstream_schemas.errors import NotFound, Unavailable


class Source:
    """Answers look-ups with `answer`, or raises it; counts what it was asked, and how."""

    def __init__(self) -> None:
        self.answer: str | Exception = "fact"
        self.asked: list[tuple[str, bool]] = []
        self.now = 100.0
        self.known = Known(self.look_up, lambda: self.now)

    def look_up(self, key: str, strong: bool) -> str:
        self.asked.append((key, strong))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def peek(self) -> str | None:
        """Peek on an event loop and let what that started come to its end."""

        async def peek() -> str | None:
            found = self.known.peek("key")
            await asyncio.get_running_loop().shutdown_default_executor()
            return found

        return asyncio.run(peek())


@pytest.fixture
def source() -> Source:
    return Source()


def test_the_unknown_is_looked_up_once(source: Source) -> None:
    assert source.known.peek("key") is None
    assert source.known.get("key") == "fact"
    assert source.peek() == "fact"
    assert source.asked == [("key", True)]


def test_after_a_second_it_is_looked_up_behind_the_callers_back(source: Source) -> None:
    source.known.add("key", "old")
    source.now += 2
    assert source.peek() == "old"
    assert source.asked == [("key", False)]
    assert source.peek() == "fact"
    assert len(source.asked) == 1


def test_what_is_no_longer_so_is_forgotten(source: Source) -> None:
    source.known.add("key", "old")
    source.now += 2
    source.answer = InvalidParameter("run_id", "deleted")
    assert source.peek() == "old"
    assert source.known.last("key") is None
    with pytest.raises(InvalidParameter):
        source.known.get("key")


@pytest.mark.parametrize("error", [NotFound("not yet projected"), Unavailable("no engine")])
def test_not_knowing_is_no_reason_to_forget(source: Source, error: Exception) -> None:
    source.known.add("key", "old")
    source.now += 2
    source.answer = error
    source.peek()
    assert source.peek() == "old"
    assert len(source.asked) == 1


def test_old_knowledge_is_asked_for_again_at_once(source: Source) -> None:
    source.known.add("key", "old")
    source.now += 60
    assert source.known.peek("key") is None
    assert source.known.get("key") == "fact"
    assert source.asked == [("key", True)]


def test_writes_go_on_while_nobody_can_be_asked(source: Source) -> None:
    source.known.add("key", "old")
    source.now += 60
    source.answer = Unavailable("no engine")
    assert source.known.get("key") == "old"
    source.known.forget("key")
    with pytest.raises(Unavailable):
        source.known.get("key")


def test_what_was_forgotten_meanwhile_does_not_come_back(source: Source) -> None:
    source.known.add("key", "old")
    source.now += 2
    look_up = source.look_up

    def deleting(key: str, strong: bool) -> str:
        source.known.forget(key)
        return look_up(key, strong)

    source.known = Known(deleting, lambda: source.now)
    source.known.add("key", "old")
    source.now += 2
    source.peek()
    assert source.known.last("key") is None
