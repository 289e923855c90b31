"""What holds for every projector: replayed, reordered, cut anywhere, it leaves what once would have left."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.consumers import story
from tests.consumers.crashes import Killed, MortalEngine
from tests.consumers.direct_log import DirectLog
from tests.consumers.tables import visible
from trackstream_consumers.consumer import Consumer, ConsumerSettings
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.pipeline import projectors
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.records import Record, decode_record
from trackstream_schemas.blobs import DirectoryBlobStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.clean_databases import CleanDatabases
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.projectors.port import Projector
    from trackstream_schemas.events import DeadLettered

NAMES = ["entities", "metrics", "artifacts"]
STRIDE = int(os.environ.get("TRACKSTREAM_TEST_KILL_STRIDE", "7"))
"""Kill after every so manyth statement; 1 takes about seven times as long and leaves none out."""
SMALL = ConsumerSettings(max_rows=20, poll_records=3, first_backoff=0.001)


def make(name: str, engine: Engine, root: Path) -> Projector:
    """A fresh projector, as a new process would have it."""
    sink = UploadSink(root / "uploads", DirectoryBlobStore(root / "blobs"))
    return next(found for found in projectors(engine, sink) if found.name == name)


def project(log: DirectLog, projector: Projector, settings: ConsumerSettings = SMALL) -> None:
    reader = SqliteLogReader(log.path, projector.topics)
    try:
        Consumer(reader, projector, unexpected, settings).catch_up()
    finally:
        reader.close()


def unexpected(letter: DeadLettered) -> None:
    raise AssertionError(letter.error_message)


def assert_contents(root: Path) -> None:
    """Every content is in the blob store, bit for bit, and no partial file is left."""
    blobs = DirectoryBlobStore(root / "blobs")
    assert {b"".join(blobs.open(blob.sha256)) for blob in blobs.all()} == set(story.CONTENTS)
    assert UploadSink(root / "uploads", blobs).names() == set()


def read(log: DirectLog, projector: Projector) -> list[Record]:
    reader = SqliteLogReader(log.path, projector.topics)
    raw = []
    while found := reader.poll(1000, 0):
        raw += found
    reader.close()
    return [decode_record(record) for record in raw]


def apply(projector: Projector, records: Sequence[Record]) -> None:
    """Apply as a consumer would: no position ever goes back."""
    reached = projector.positions()
    for record in records:
        key = record.position.topic_partition
        reached[key] = max(reached.get(key, 0), record.position.offset + 1)
    projector.apply(records, reached)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectLog]:
    """The story on a log of three partitions."""
    log = DirectLog(tmp_path_factory.mktemp("told") / "log.db", partitions=3)
    log.log(*story.bodies())
    yield log
    log.close()


@pytest.fixture(scope="module")
def wanted(
    told: DirectLog, clean_databases: CleanDatabases, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The tables after each projector has read the story once, in one go."""
    found = {}
    for name in NAMES:
        engine = clean_databases.take()
        project(told, make(name, engine, tmp_path_factory.mktemp(name)), ConsumerSettings())
        found[name] = visible(engine)
        clean_databases.give_back(engine)
    return found


def test_the_story_touches_every_table(wanted: dict[str, Any]) -> None:
    tables = {table for found in wanted.values() for table, rows in found.items() if rows}
    assert tables == set(wanted["entities"])


@pytest.mark.parametrize("name", NAMES)
def test_read_again_from_the_start_it_leaves_the_same(
    name: str, told: DirectLog, engine: Engine, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    projector = make(name, engine, tmp_path)
    records = read(told, projector)
    apply(projector, records)
    apply(projector, records)
    assert visible(engine) == wanted[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(6))
def test_any_order_across_partitions_and_any_batches_leave_the_same(
    name: str, seed: int, told: DirectLog, engine: Engine, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    chance = random.Random(seed)
    projector = make(name, engine, tmp_path)
    queues: dict[Any, list[Record]] = {}
    for record in read(told, projector):
        queues.setdefault(record.position.topic_partition, []).append(record)
    order: list[Record] = []
    while any(queues.values()):
        order.append(chance.choice([queue for queue in queues.values() if queue]).pop(0))
    while order:
        size = chance.randint(1, 25)
        apply(projector, order[:size])
        if chance.random() < 0.3:
            apply(projector, order[:size])
        order = order[size:]
    assert visible(engine) == wanted[name]


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_any_statement_it_leaves_the_same(
    name: str, told: DirectLog, clean_databases: CleanDatabases, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    for statements in itertools.count(step=STRIDE):
        engine = clean_databases.take()
        mortal = MortalEngine(engine, statements)
        root = tmp_path / str(statements)
        # The second life reads in other batches than the first.
        survived = True
        try:
            project(told, make(name, mortal, root))
        except Killed:
            survived = False
            project(told, make(name, engine, root), ConsumerSettings(max_rows=30, poll_records=4))
        mortal.close()
        found = visible(engine)
        clean_databases.give_back(engine)
        assert found == wanted[name], f"killed after {statements} statements"
        if name == "artifacts":
            assert_contents(root)
        if survived:
            break
    assert statements > 5


@pytest.mark.parametrize("name", NAMES)
def test_killed_again_and_again_it_leaves_the_same(
    name: str, told: DirectLog, engine: Engine, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    for statements in itertools.count(1):
        mortal = MortalEngine(engine, statements)
        try:
            project(told, make(name, mortal, tmp_path))
        except Killed:
            continue
        finally:
            mortal.close()
        break
    assert visible(engine) == wanted[name]
    if name == "artifacts":
        assert_contents(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_an_outage_of_the_engine_only_delays_it(
    name: str, told: DirectLog, engine: Engine, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    projector = make(name, engine, tmp_path)
    reader = SqliteLogReader(told.path, projector.topics)
    consumer = Consumer(reader, projector, unexpected, SMALL)
    with engine.client() as client:
        client.command("RENAME TABLE positions TO hidden")
    consumer.start()
    while consumer.progress.snapshot().retries == 0:
        assert consumer.progress.snapshot().failure is None
    with engine.client() as client:
        client.command("RENAME TABLE hidden TO positions")
    assert consumer.progress.wait_for(reader.end(), 60)
    consumer.close()
    assert visible(engine) == wanted[name]


def test_real_kills_leave_the_same(told: DirectLog, engine: Engine, tmp_path: Path) -> None:
    """`kill -9` of a projecting process, at moments all over its life, until one gets through."""
    module = "tests.consumers.projecting_process"
    command = [sys.executable, "-m", module, str(told.path), str(tmp_path)]
    root = Path(__file__).parents[2]
    chance = random.Random(1)
    kills = 0
    for _ in range(40):
        process = subprocess.Popen([*command, "project"], cwd=root, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        # It says a line for each batch; to be killed some lines and some milliseconds later.
        for _ in range(chance.randint(1, 3)):
            process.stdout.readline()
        try:
            process.wait(chance.uniform(0, 0.04))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.stdout.close()
        if process.wait() == 0:
            break
        kills += 1
    assert process.returncode == 0
    assert kills > 2
    shown = subprocess.run([*command, "show"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in NAMES:
        project(told, make(name, engine, tmp_path / "reference"))
    wanted = [f"{table} {row}" for table, rows in visible(engine).items() for row in rows]
    assert sorted(shown.splitlines()) == sorted(wanted)
    assert_contents(tmp_path)
