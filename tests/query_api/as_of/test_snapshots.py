"""Snapshots as a cache: made once, kept a few at a time, and nobody else's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.query_api.as_of.standing_store import BEGIN, TICK, StandingStore
from trackstream_api.as_of import parts
from trackstream_api.as_of import snapshots as snapshots_module
from trackstream_api.as_of.looking import looking
from trackstream_api.as_of.moment import cut_at
from trackstream_api.as_of.snapshots import TOPICS, Snapshots
from trackstream_api.errors import NoSnapshots
from trackstream_api.queries import runs
from trackstream_consumers.engine import Engine
from trackstream_schemas import events as e
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.store import Store

OF_RUNS = parts.parts_of_search()


@pytest.fixture
def standing(engine: Engine, tmp_path: Path) -> Iterator[StandingStore]:
    """A store whose run "r" was tagged 0, 1, 2 … a TICK each, after its start."""
    store = StandingStore(engine, tmp_path)
    store.take(store.log.event(e.RunStarted("r", "0", "a run", 1000)))
    for number in range(8):
        store.take(store.log.event(e.TagsSet("r", {"n": str(number)})))
    yield store
    store.close()


def moment_of(number: int) -> str:
    """Return when the tag was `number`."""
    return str(BEGIN + TICK * (number + 1))


def tag(store: StandingStore, number: int) -> str:
    with looking(cast("Store", store), OF_RUNS, as_of=moment_of(number)) as look:
        return runs.get(look.engine, "r").tags["n"]


def inserts(engine: Engine) -> int:
    """Return how many inserts there were since the engine was opened, whatever the database."""
    with engine.client() as client:
        found = client.query("SELECT value FROM system.events WHERE event = 'InsertQuery'").result_rows
    return int(found[0][0]) if found else 0


def databases(store: StandingStore) -> list[str]:
    with store.engine.client() as client:
        rows = client.query(
            "SELECT name FROM system.databases WHERE startsWith(name, {prefix:String}) ORDER BY name",
            parameters={"prefix": f"{store.engine.database}_as_of_"},
        ).result_rows
    return [row[0] for row in rows]


def test_a_second_question_of_a_moment_finds_what_the_first_one_made(standing: StandingStore) -> None:
    assert tag(standing, 3) == "3"
    made = inserts(standing.engine)
    assert made > 0
    assert tag(standing, 3) == "3"
    with pytest.raises(NotFound), looking(cast("Store", standing), OF_RUNS, as_of=moment_of(3)) as look:
        runs.get(look.engine, "nobody")
    assert inserts(standing.engine) == made
    assert tag(standing, 4) == "4"
    assert inserts(standing.engine) > made


def test_many_at_once_make_it_once(standing: StandingStore) -> None:
    tag(standing, 1)
    begin = inserts(standing.engine)
    tag(standing, 2)
    one = inserts(standing.engine) - begin
    together = threading.Barrier(6)

    def ask(_: int) -> str:
        together.wait()
        return tag(standing, 5)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(6))) == {"5"}
    assert inserts(standing.engine) - begin == 2 * one


def test_a_few_are_kept_and_the_one_used_longest_ago_goes(standing: StandingStore) -> None:
    for number in (0, 1, 2, 3, 0, 4):
        assert tag(standing, number) == str(number)
    assert len(databases(standing)) == 4
    made = inserts(standing.engine)
    for number in (0, 2, 3, 4):
        assert tag(standing, number) == str(number)
    assert inserts(standing.engine) == made
    assert tag(standing, 1) == "1"
    assert inserts(standing.engine) > made


def test_who_comes_when_all_are_in_use_waits(standing: StandingStore) -> None:
    standing.snapshots = Snapshots(standing.engine, shared=False, most=1)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> str:
        with looking(cast("Store", standing), OF_RUNS, as_of=moment_of(1)) as look:
            entered.set()
            assert leave.wait(60)
            return runs.get(look.engine, "r").tags["n"]

    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(hold)
        assert entered.wait(60)
        waiting = pool.submit(tag, standing, 2)
        assert tag(standing, 1) == "1"
        leave.set()
        assert (held.result(60), waiting.result(60)) == ("1", "2")


def test_closed_they_are_gone_and_what_was_left_behind_is_swept(standing: StandingStore) -> None:
    tag(standing, 1)
    tag(standing, 2)
    (first, _) = databases(standing)
    standing.snapshots.close()
    assert databases(standing) == []
    with standing.engine.client() as client:
        client.command(f"CREATE DATABASE {first}")
    standing.snapshots = Snapshots(standing.engine, shared=False)
    assert databases(standing) == []
    assert tag(standing, 1) == "1"


def test_processes_that_share_a_store_leave_each_others_alone(standing: StandingStore) -> None:
    mine, other = (Snapshots(standing.engine, shared=True) for _ in range(2))
    dead = f"{standing.engine.database}_as_of_dead_0"
    with standing.engine.client() as client:
        client.command(f"CREATE DATABASE {dead}")
        client.command(f"CREATE TABLE {dead}.lease (seen DateTime) ENGINE = Log")
        client.command(f"INSERT INTO {dead}.lease SELECT now() - 7200")
    for snapshots in (mine, other):
        standing.snapshots = snapshots
        assert tag(standing, 1) == "1"
    assert len(databases(standing)) == 2
    assert dead not in databases(standing)
    other.close()
    standing.snapshots = mine
    made = inserts(standing.engine)
    assert tag(standing, 1) == "1"
    assert inserts(standing.engine) == made


def test_an_owner_that_let_its_lease_run_out_makes_a_new_one(
    standing: StandingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing.snapshots = Snapshots(standing.engine, shared=True)
    assert tag(standing, 1) == "1"
    # As another process does which finds the lease run out.
    (name,) = databases(standing)
    with standing.engine.client() as client:
        client.command(f"DROP DATABASE {name} SYNC")
    monkeypatch.setattr(snapshots_module, "LEASE_SECONDS", 0.0)
    assert tag(standing, 1) == "1"


def test_tables_swapped_meanwhile_are_not_trusted(
    standing: StandingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay elsewhere ends while a snapshot is made: it is made again, once the new tables are there."""
    standing.snapshots = Snapshots(standing.engine, shared=True)
    waited = 0

    def wait() -> None:
        nonlocal waited
        waited += 1

    fill = parts.RUNS.fill

    def fill_amid_a_swap(past: Any) -> None:
        fill(past)
        if not waited:
            with standing.engine.client() as client:
                client.insert("epochs", [[1]], column_names=["number"])

    amid = parts.Part(parts.RUNS.topic, parts.RUNS.tables, fill_amid_a_swap)
    cut = cut_at(moment_of(2), standing, "as_of", TOPICS)
    assert cut is not None
    with standing.snapshots.at(cut, (parts.EXPERIMENTS, amid, parts.LATEST), wait) as engine:
        assert runs.get(engine, "r").tags["n"] == "2"
    assert waited == 1


def test_a_user_who_may_make_no_tables_is_told_what_to_grant(
    standing: StandingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class WithoutDdl(Engine):
        def _connect(self, database: str, settings: dict[str, str] | None = None) -> Any:
            return super()._connect(database, {**(settings or {}), "allow_ddl": "0"})

    monkeypatch.setattr(snapshots_module, "Engine", WithoutDdl)
    with pytest.raises(NoSnapshots, match="grant it CREATE DATABASE"):
        tag(standing, 1)
    assert runs.get(standing.engine, "r").tags["n"] == "7"


def test_what_has_changed_is_copied_from_no_live_row(standing: StandingStore) -> None:
    """The projector of runs is amid its work: tags are written, the run's own row is not."""
    with standing.engine.client() as client:
        client.command("INSERT INTO run_tags VALUES ('n', 'r', 'too new', 1000, 0)")
    read = parts.parts_of_search("tags.n = '7'")
    with looking(cast("Store", standing), read, as_of=moment_of(7)) as look, look.engine.client() as client:
        assert client.query("SELECT value FROM run_tags FINAL WHERE key = 'n'").result_rows == [("7",)]
