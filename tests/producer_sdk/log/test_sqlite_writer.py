"""What only the SQLite log promises."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.producer_sdk.log.test_log_writer_contract import encoded, tags
from trackstream.log.sqlite import SqliteLogWriter
from trackstream_schemas import events as e
from trackstream_schemas import sqlite_layout, topics
from trackstream_schemas.errors import StorageFailed, Unavailable
from trackstream_schemas.schema_files import newest

if TYPE_CHECKING:
    from pathlib import Path


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_the_log_holds_each_schema_that_it_uses_once(tmp_path: Path) -> None:
    for _ in range(2):
        writer = SqliteLogWriter(tmp_path / "log.db")
        for number in range(2):
            events = [encoded(tags("r", number)), encoded(e.RunDeleted("r"))]
            assert all(position.topic == topics.RUNS for position in writer.append(events).result())
        writer.close()
    stored = rows(tmp_path / "log.db", f'SELECT key, value FROM "{topics.SCHEMAS}" ORDER BY offset')
    used = [newest()[name] for name in ("TagsSet", "RunDeleted")]
    assert stored == [(schema.fingerprint.hex(), schema.text.encode()) for schema in used]


def test_keys_are_spread_over_partitions(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    writer = SqliteLogWriter(path, partitions=4)
    positions = writer.append([encoded(tags(f"run{number}", 0)) for number in range(40)]).result()
    writer.close()
    for number, position in enumerate(positions):
        assert position.partition == sqlite_layout.partition_of(f"run{number}", 4)
    assert {position.partition for position in positions} == {0, 1, 2, 3}
    ends = dict(rows(path, f"SELECT partition, next_offset FROM partitions WHERE topic = '{topics.RUNS}'"))
    assert ends == {part: sum(position.partition == part for position in positions) for part in range(4)}


def test_a_failed_append_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    writer = SqliteLogWriter(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            f'CREATE TRIGGER full BEFORE INSERT ON "{topics.METRICS}"'
            " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
        connection.commit()
    metric = encoded(e.RunDeleted("r"))._replace(topic=topics.METRICS)
    error = writer.append([encoded(tags("r", 1)), metric]).exception()
    assert isinstance(error, StorageFailed)
    assert rows(path, f'SELECT count(*) FROM "{topics.RUNS}"') == [(0,)]
    [position] = writer.append([encoded(tags("r", 2))]).result()
    assert position.offset == 0
    writer.close()


def test_a_full_disk_is_storage_failed_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    writer = SqliteLogWriter(path)
    writer.append([encoded(tags("r", 0))]).result()
    connection = writer._connection
    assert connection is not None
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    big = encoded(e.ArtifactChunk("u", 0, 1 << 20, "0" * 64, bytes(1 << 20)))
    error = writer.append([big]).exception()
    assert isinstance(error, StorageFailed)
    assert str(path) in str(error)
    assert writer.append([big]).result()[0].offset == 0
    writer.close()


def test_a_file_that_is_no_database_is_storage_failed(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageFailed, match=r"log\.db"):
        SqliteLogWriter(tmp_path / "log.db")


def test_a_directory_that_cannot_be_made_is_storage_failed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed, match="file"):
        SqliteLogWriter(tmp_path / "file" / "log.db")


def test_a_log_damaged_later_resolves_to_storage_failed(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    writer = SqliteLogWriter(path)
    path.write_bytes(b"rubbish" * 4096)
    assert isinstance(writer.append([encoded(tags("r", 0))]).exception(), StorageFailed)
    writer.close()


def test_a_log_removed_under_its_writer_takes_nothing_until_it_is_back(tmp_path: Path) -> None:
    path, aside = tmp_path / "log.db", tmp_path / "aside"
    writer = SqliteLogWriter(path)
    writer.append([encoded(tags("r", 0))]).result()
    aside.mkdir()
    for file in tmp_path.glob("log.db*"):
        file.rename(aside / file.name)
    error = writer.append([encoded(tags("r", 1))]).exception()
    assert isinstance(error, StorageFailed)
    assert f"{path} is gone" in str(error)
    with pytest.raises(StorageFailed, match="is gone"):
        writer.history(topics.RUNS, "r")
    assert not path.exists()
    for file in aside.glob("log.db*"):
        file.rename(path.parent / file.name)
    assert writer.append([encoded(tags("r", 2))]).result()[0].offset == 1
    writer.close()


def test_a_log_replaced_under_its_writer_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    writer = SqliteLogWriter(path)
    other = SqliteLogWriter(tmp_path / "other.db")
    other.append([encoded(tags("r", 1))]).result()
    other.close()
    (tmp_path / "other.db").rename(path)
    error = writer.append([encoded(tags("r", 2))]).exception()
    writer.close()
    assert isinstance(error, StorageFailed)
    assert "was replaced" in str(error)
    assert rows(path, f'SELECT count(*) FROM "{topics.RUNS}"') == [(1,)]


def test_a_locked_log_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.db"
    monkeypatch.setattr(sqlite_layout, "_BUSY_TIMEOUT_MS", 10)
    writer = SqliteLogWriter(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert isinstance(writer.append([encoded(tags("r", 0))]).exception(), Unavailable)
        holder.execute("ROLLBACK")
    assert writer.append([encoded(tags("r", 0))]).result()[0].offset == 0
    writer.close()


def test_a_closed_writer_is_unavailable(tmp_path: Path) -> None:
    writer = SqliteLogWriter(tmp_path / "log.db")
    writer.close()
    assert isinstance(writer.append([encoded(tags("r", 0))]).exception(), Unavailable)


def test_a_damaged_event_does_not_hide_the_others(tmp_path: Path) -> None:
    writer = SqliteLogWriter(tmp_path / "log.db")
    good = encoded(tags("r", 1))
    writer.append([good]).result()
    with contextlib.closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute(f"INSERT INTO \"{topics.RUNS}\" VALUES (0, 1, 'r', ?, 0)", (good.value[:20],))
        connection.commit()
    history = writer.history(topics.RUNS, "r")
    assert history is not None
    assert [event.body for event in history] == [tags("r", 1)]
    writer.close()


_CREATE_AND_APPEND = """
import sys
from pathlib import Path
from tests.producer_sdk.log.test_log_writer_contract import encoded, tags
from trackstream.log.sqlite import SqliteLogWriter
writer = SqliteLogWriter(Path(sys.argv[1]))
for number in range(20):
    writer.append([encoded(tags("r", number), number, sys.argv[2])]).result()
writer.close()
"""


def test_processes_make_one_file_at_once_and_append_to_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log.db"
    command = [sys.executable, "-c", _CREATE_AND_APPEND, str(path)]
    processes = [
        subprocess.Popen([*command, f"p{number}"], stderr=subprocess.PIPE, text=True) for number in range(4)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    writer = SqliteLogWriter(path)
    history = writer.history(topics.RUNS, "r")
    writer.close()
    assert history is not None
    for number in range(4):
        mine = [event.envelope.sequence for event in history if event.envelope.producer_id == f"p{number}"]
        assert mine == list(range(20))
    assert rows(path, f'SELECT count(*) FROM "{topics.SCHEMAS}"') == [(1,)]


def test_both_sides_of_a_fork_go_on(tmp_path: Path) -> None:
    writer = SqliteLogWriter(tmp_path / "log.db")
    writer.append([encoded(tags("r", 0))]).result()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            writer.append([encoded(tags("r", 1))]).result()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    [position] = writer.append([encoded(tags("r", 2))]).result()
    assert position.offset == 2
    writer.close()
