"""Partitions that a topic was given after it was made: found by comparing topics, and by keys out of place.

A key's partition follows from the number of partitions. With another number a key's later events go
elsewhere than its earlier ones, and the folds, which go by the order within a partition, may take them for
repeats.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from trackstream_consumers.errors import RecordsLost
    from trackstream_schemas.position import TopicPartition

_KEYS_A_PARTITION = 50
_RECORDS_A_PARTITION = 1000
_SECONDS = 5.0
_SEED, _FACTOR = 0x9747B28C, 0x5BD1E995
_32_BITS = 0xFFFFFFFF
NO_CURE = (
    "partitions are chosen once: make a log with the number wanted, `trackstream topics create --partitions"
    " N` under another topic.prefix, and move the runs with `trackstream export` and `import`"
)


def partition_of(key: bytes, partitions: int) -> int:
    """Return where our writers put a key: librdkafka's `murmur2_random`, the Java client's default."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def more_than_others(counts: Mapping[str, int]) -> dict[str, int]:
    """Return, of topics with these numbers of partitions, those with more than the fewest, and that number.

    `trackstream topics create` gives them all the same.
    """
    fewest = min(counts.values(), default=0)
    return {topic: fewest for topic, count in counts.items() if count > fewest}


def moved_keys(
    uri: str, counts: Mapping[str, int], environ: Mapping[str, str] | None = None
) -> dict[str, tuple[str, int, int]]:
    """Return for each topic with such a key the first found, where it is, and where writers now put it.

    `counts` are the topics (by our names) with their numbers of partitions. Looks at the oldest keys of each
    partition, for at most 5 s. Raises what `KafkaLogReader` raises.
    """
    found: dict[str, tuple[str, int, int]] = {}
    # Chunks of contents are many and large, and their keys are as short-lived as the topic's records.
    looked_at = [topic for topic in counts if topic != topics.ARTIFACT_BYTES]
    for partition, key in _oldest_keys(uri, looked_at, environ):
        right = partition_of(key.encode(), counts[partition.topic])
        if right != partition.partition:
            found.setdefault(partition.topic, (key, partition.partition, right))
    return found


def _oldest_keys(
    uri: str, names: Collection[str], environ: Mapping[str, str] | None
) -> Iterator[tuple[TopicPartition, str]]:
    reader = KafkaLogReader(uri, names, environ=environ, max_bytes=1 << 20, on_loss=_go_on)
    try:
        begins, ends = reader.begin(), reader.end()
        left = {partition: end for partition, end in ends.items() if begins.get(partition, end) < end}
        reader.pause([partition for partition in ends if partition not in left])
        reader.seek({partition: begins[partition] for partition in left})
        seen: dict[TopicPartition, set[str]] = {partition: set() for partition in left}
        deadline = time.monotonic() + _SECONDS
        while left and (seconds := deadline - time.monotonic()) > 0:
            for record in reader.poll(1000, seconds):
                partition = record.position.topic_partition
                if partition not in left:
                    continue
                if record.key not in seen[partition]:
                    seen[partition].add(record.key)
                    yield partition, record.key
                read = record.position.offset - begins[partition] + 1
                enough = len(seen[partition]) >= _KEYS_A_PARTITION or read >= _RECORDS_A_PARTITION
                if enough or record.position.offset + 1 >= left[partition]:
                    del left[partition]
                    reader.pause([partition])
            for partition, offset in reader.positions().items():
                # Behind the last record there may be the marks of a transaction.
                if partition in left and offset >= left[partition]:
                    del left[partition]
    finally:
        reader.close()


def _go_on(loss: RecordsLost) -> None:
    """What retention removes meanwhile needs no look."""


def _murmur2(data: bytes) -> int:
    """Source: org.apache.kafka.common.utils.Utils.murmur2."""
    state = (_SEED ^ len(data)) & _32_BITS
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little") * _FACTOR & _32_BITS
        block = (block ^ block >> 24) * _FACTOR & _32_BITS
        state = (state * _FACTOR & _32_BITS) ^ block
    if tail := data[whole:]:
        state = (state ^ int.from_bytes(tail, "little")) * _FACTOR & _32_BITS
    state = (state ^ state >> 13) * _FACTOR & _32_BITS
    return state ^ state >> 15
