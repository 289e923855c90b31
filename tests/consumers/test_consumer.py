"""The consumer's loop: what it does with good, bad and slow."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.consumers.tables import rows_of, scalar
from trackstream_consumers.consumer import Consumer, ConsumerSettings
from trackstream_consumers.dead_letters import DeadLetterLimits
from trackstream_consumers.errors import LogBehindProjection, RecordsLost, SlowDown, TooManyDeadLetters
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import StorageFailed
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.consumers.direct_log import DirectLog
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

    Make = Callable[..., Consumer]

RUNS = TopicPartition(topics.RUNS, 0)
UNKNOWN_SCHEMA = codec.MARKER + b"a message of later times"
QUICK = ConsumerSettings(first_backoff=0.001, longest_backoff=0.01)


class Picky(EntityProjector):
    """The real projector, but for runs that it says it cannot write; and counts its batches."""

    def __init__(self, engine: Engine, refuses: frozenset[str] = frozenset(), tired: int = 0) -> None:
        super().__init__(engine)
        self.refuses = refuses
        self.tired = tired
        self.batches: list[int] = []

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        if self.tired:
            self.tired -= 1
            raise SlowDown("not now")
        if any(record.key in self.refuses for record in records):
            raise OverflowError("a value that no column takes")
        self.batches.append(len(records))
        return super().apply(records, reached)


@pytest.fixture
def make(log: DirectLog) -> Iterator[Make]:
    """Makes consumers that are closed after the test."""
    made: list[Consumer] = []

    def make_it(projector: EntityProjector, **options: object) -> Consumer:
        reader = SqliteLogReader(log.path, projector.topics)
        options = {"dead_letters": log.dead_letters, "settings": QUICK, **options}
        made.append(Consumer(reader, projector, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make_it
    for consumer in made:
        consumer.close()


def start(number: int) -> e.RunStarted:
    return e.RunStarted(f"run-{number}", "1", f"name-{number}", 1000)


def run_ids(engine: Engine) -> set[str]:
    return {row[0] for row in rows_of(engine, "runs")}


def reasons(engine: Engine) -> list[tuple[str, int, str]]:
    with engine.client() as client:
        query = "SELECT topic, offset, error_message FROM dead_letters FINAL ORDER BY topic, offset"
        return list(client.query(query).result_rows)


def test_what_cannot_be_decoded_is_a_dead_letter_and_the_rest_goes_on(
    engine: Engine, log: DirectLog, make: Make
) -> None:
    whole = codec.encode(log.event(start(9)))
    log.log(start(0))
    log.append_raw(
        (topics.RUNS, "run-9", whole[:-3]),
        (topics.RUNS, "run-9", b""),
        (topics.RUNS, "run-9", b"\xc3\x01" + b"\x00" * 40),
        (topics.EXPERIMENTS, "run-9", whole),
        (topics.RUNS, "another key", whole),
        (topics.RUNS, "run-8", codec.encode(e.Event(e.Envelope("e", 1, "p", -1), start(8)))),
    )
    log.log(start(1))
    consumer = make(EntityProjector(engine))
    consumer.catch_up()
    # The letters are on the log by now; their rows come with the next look at it.
    consumer.catch_up()
    assert run_ids(engine) == {"run-0", "run-1"}
    found = reasons(engine)
    assert [(topic, offset) for topic, offset, _ in found] == [
        (topics.EXPERIMENTS, 0),
        *((topics.RUNS, offset) for offset in (1, 2, 3, 4, 5)),
    ]
    for (_, _, message), part in zip(
        found,
        [
            "where RunStarted belongs",
            "RunStarted message",
            "C3 01",
            "published schema",
            "record key",
            "sequence",
        ],
        strict=True,
    ):
        assert part in message
    assert consumer.progress.snapshot().dead_letters == 6
    assert consumer.progress.snapshot().positions[RUNS] == 7


def test_a_dead_letter_keeps_the_record(engine: Engine, log: DirectLog, make: Make) -> None:
    log.append_raw((topics.RUNS, "r", b"\x00\xff\xfe"))
    consumer = make(EntityProjector(engine))
    consumer.catch_up()
    consumer.catch_up()
    with engine.client() as client:
        query = "SELECT projector, key, hex(value), error_type FROM dead_letters FINAL"
        assert client.query(query).result_rows == [("entities", "r", "00FFFE", "MalformedEvent")]


@pytest.mark.parametrize("bad", [{0}, {7}, {19}, {3, 4, 11}], ids=["first", "middle", "last", "some"])
def test_a_record_that_fails_its_batch_is_found(
    engine: Engine, log: DirectLog, make: Make, bad: set[int]
) -> None:
    log.log(*(start(number) for number in range(20)))
    consumer = make(Picky(engine, refuses=frozenset(f"run-{number}" for number in bad)))
    consumer.catch_up()
    consumer.catch_up()
    assert run_ids(engine) == {f"run-{number}" for number in range(20) if number not in bad}
    assert [(offset, message) for _, offset, message in reasons(engine)] == [
        (number, "a value that no column takes") for number in sorted(bad)
    ]


def test_bad_records_of_any_number_between_good_ones_do_not_stop_it(
    engine: Engine, log: DirectLog, make: Make
) -> None:
    for number in range(30):
        log.log(start(number))
        log.append_raw(*[(topics.RUNS, "r", b"bad")] * 3)
    consumer = make(EntityProjector(engine), limits=DeadLetterLimits(in_a_row=3))
    consumer.catch_up()
    assert len(run_ids(engine)) == 30


def test_damaged_records_in_a_row_are_given_up_and_the_rest_goes_on(
    engine: Engine, log: DirectLog, make: Make
) -> None:
    log.append_raw(*[(topics.RUNS, "r", b"bad")] * 20)
    log.log(start(0))
    make(EntityProjector(engine), limits=DeadLetterLimits(in_a_row=3)).catch_up()
    assert run_ids(engine) == {"run-0"}


def test_too_many_records_of_an_unknown_schema_in_a_row_stop_it(
    engine: Engine, log: DirectLog, make: Make
) -> None:
    log.append_raw(*[(topics.RUNS, "r", UNKNOWN_SCHEMA)] * 5)
    consumer = make(EntityProjector(engine), limits=DeadLetterLimits(in_a_row=3))
    with pytest.raises(TooManyDeadLetters, match=r"4 records in a row .* trackstream\.runs:0:3"):
        consumer.catch_up()
    assert EntityProjector(engine).positions() == {}


def test_too_large_a_share_of_bad_records_stops_it(engine: Engine, log: DirectLog, make: Make) -> None:
    for number in range(10):
        log.log(start(number))
        log.append_raw((topics.RUNS, "r", b"bad"))
    consumer = make(EntityProjector(engine), limits=DeadLetterLimits(share=0.2, share_from=10))
    with pytest.raises(TooManyDeadLetters, match="of 10 records"):
        consumer.catch_up()


def test_code_that_fails_on_everything_stops_it(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*(start(number) for number in range(20)))
    everything = frozenset(f"run-{number}" for number in range(20))
    consumer = make(Picky(engine, refuses=everything), limits=DeadLetterLimits(in_a_row=5))
    consumer.start()
    assert not consumer.progress.wait_for({RUNS: 20}, 60)
    now = consumer.progress.snapshot()
    assert (now.state, type(now.failure)) == ("failed", TooManyDeadLetters)
    assert consumer.progress.snapshot().metrics()["trackstream_consumer_up"] == 0


def test_slow_down_means_the_same_records_later(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(start(0))
    consumer = make(Picky(engine, tired=3))
    consumer.catch_up()
    assert run_ids(engine) == {"run-0"}
    assert (consumer.progress.snapshot().retries, consumer.progress.snapshot().last_error) == (3, "not now")


def test_it_says_what_it_waits_for_and_that_it_goes_on(
    engine: Engine, log: DirectLog, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    log.log(start(0))
    projector = Picky(engine, tired=10**9)
    consumer = make(projector)
    consumer.start()
    while consumer.progress.snapshot().retries < 3:
        time.sleep(0.001)
    assert consumer.progress.snapshot().trouble == "not now"
    projector.tired = 0
    assert consumer.progress.wait_for({RUNS: 1}, 60)
    assert consumer.progress.snapshot().trouble is None
    consumer.stop()
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["entities waits: not now", "entities goes on"]


def test_a_letter_that_cannot_be_put_down_holds_the_position(
    engine: Engine, log: DirectLog, make: Make
) -> None:
    log.append_raw((topics.RUNS, "r", b"bad"))
    fails = [StorageFailed("disk full")] * 2

    def put(letter: e.DeadLettered) -> None:
        if fails:
            raise fails.pop()
        assert EntityProjector(engine).positions() == {}
        log.dead_letters(letter)

    consumer = make(EntityProjector(engine), dead_letters=put)
    consumer.catch_up()
    assert consumer.progress.snapshot().retries == 2
    assert consumer.progress.snapshot().positions[RUNS] == 1


def test_it_stops_while_it_is_told_to_slow_down(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(start(0))
    consumer = make(Picky(engine, tired=10**9), settings=ConsumerSettings(longest_backoff=600))
    consumer.start()
    while not consumer.progress.snapshot().retries:
        pass
    consumer.stop()
    assert consumer.progress.snapshot().state == "stopped"
    assert EntityProjector(engine).positions() == {}


def test_it_can_be_waited_for_and_started_again(engine: Engine, log: DirectLog, make: Make) -> None:
    consumer = make(EntityProjector(engine))
    consumer.start()
    log.log(start(0))
    assert consumer.progress.wait_for({RUNS: 1}, 60)
    consumer.stop()
    log.log(start(1))
    assert not consumer.progress.wait_for({RUNS: 2}, 0)
    consumer.start()
    consumer.nudge()
    assert consumer.progress.wait_for({RUNS: 2}, 60)
    assert run_ids(engine) == {"run-0", "run-1"}
    with pytest.raises(RuntimeError, match="is running"):
        consumer.start()


def test_a_backlog_is_written_in_large_batches(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*(start(number) for number in range(500)))
    projector = Picky(engine)
    settings = ConsumerSettings(max_rows=200, poll_records=50, max_age=600)
    make(projector, settings=settings).catch_up()
    assert projector.batches == [200, 200, 100]


def test_a_batch_is_bounded_in_bytes(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*(e.TagsSet("r", {"long": "x" * 1000}) for _ in range(10)))
    projector = Picky(engine)
    settings = ConsumerSettings(max_bytes=2500, poll_records=1, max_age=600)
    make(projector, settings=settings).catch_up()
    assert projector.batches == [3, 3, 3, 1]


def test_a_nudged_consumer_does_not_keep_its_distance(engine: Engine, log: DirectLog, make: Make) -> None:
    settings = ConsumerSettings(spacing=600, max_age=600)
    consumer = make(EntityProjector(engine), settings=settings)
    consumer.start()
    for number in range(3):
        log.log(start(number))
        consumer.nudge()
        assert consumer.progress.wait_for({RUNS: number + 1}, 60)


def test_a_nudge_that_comes_before_its_record_is_seen_counts(
    engine: Engine, log: DirectLog, make: Make
) -> None:
    settings = ConsumerSettings(spacing=600, max_age=600)
    consumer = make(EntityProjector(engine), settings=settings)
    for number in range(2):
        # From the second on there is a flush to keep the distance from.
        log.log(start(number))
        consumer.nudge()
        consumer.start()
        assert consumer.progress.wait_for({RUNS: number + 1}, 60)
        consumer.stop()


def test_many_nudges_from_many_threads_lose_nothing(engine: Engine, log: DirectLog, make: Make) -> None:
    consumer = make(EntityProjector(engine))
    consumer.start()
    lock = threading.Lock()
    failed: list[int] = []

    def write_then_read(writer: int) -> None:
        for number in range(5):
            with lock:
                (position,) = log.log(start(10 * writer + number))
            consumer.nudge()
            if not consumer.progress.wait_for({RUNS: position.offset + 1}, 60):
                failed.append(writer)

    threads = [threading.Thread(target=write_then_read, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert scalar(engine, "SELECT count() FROM runs FINAL") == 20


def test_a_log_that_is_shorter_than_the_projection_is_said(
    engine: Engine, log: DirectLog, make: Make
) -> None:
    EntityProjector(engine).apply([], {RUNS: 10})
    with pytest.raises(LogBehindProjection, match="the log ends at 0 but records up to 10"):
        make(EntityProjector(engine)).catch_up()


def test_lost_records_fail_it(engine: Engine, log: DirectLog, make: Make) -> None:
    log.log(*(start(number) for number in range(5)))
    log.remove(topics.RUNS, below=2)
    consumer = make(EntityProjector(engine))
    consumer.start()
    assert not consumer.progress.wait_for({RUNS: 5}, 60)
    assert isinstance(consumer.progress.snapshot().failure, RecordsLost)
