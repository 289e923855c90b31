"""The events of runs or of experiments, from the log, with the contents of their files as chunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackstream_api.transfer.files import CHUNK_BYTES
from trackstream_api.transfer.identity import Dated, producer_of, stamped
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trackstream_consumers.log.port import LogReader, LogRecord
    from trackstream_schemas.blobs import Blob, BlobStore

    OpenReader = Callable[[Sequence[str]], LogReader]

_POLL_SECONDS = 1.0
_POLL_RECORDS = 200
_PURGES = frozenset({"RunPurged", "LoggedModelPurged", "TraceDeleted"})
_NAMING = frozenset({"RunStarted", "LoggedModelCreated", "TraceLogged"})
# Entities before what is said of them, so that a store that reads the file never meets a stray.
_ORDER = (
    topics.EXPERIMENTS,
    topics.RUNS,
    topics.LOGGED_MODELS,
    topics.TRACES,
    topics.METRICS,
    topics.ARTIFACTS,
)


@dataclass(frozen=True)
class Chosen:
    """Ids whose events are exported."""

    experiments: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    """Runs, logged models and traces."""


def choose(open_reader: OpenReader, run_ids: Sequence[str], experiment_ids: Sequence[str]) -> Chosen:
    """Return what belongs to these runs and experiments: with a run its experiment and the models it made,
    with an experiment all its runs, models and traces. What was purged is left out.

    Raises NotFound for one that the log does not know, or that is purged.
    """
    wanted_runs, wanted_experiments = set(run_ids), set(experiment_ids)
    chosen = Chosen(set(experiment_ids))
    gone: set[str] = set()
    for record in scan(open_reader, [topics.RUNS, topics.LOGGED_MODELS, topics.TRACES]):
        event_type = _type_of(record)
        if event_type in _PURGES:
            gone.add(record.key)
        elif event_type in _NAMING:
            body = codec.decode(record.value).body
            assert isinstance(body, e.RunStarted | e.LoggedModelCreated | e.TraceLogged)
            made_by = body.source_run_id if isinstance(body, e.LoggedModelCreated) else record.key
            if body.experiment_id in wanted_experiments or made_by in wanted_runs:
                chosen.owners.add(record.key)
                chosen.experiments.add(body.experiment_id)
    chosen.owners.difference_update(gone)
    for run_id in run_ids:
        if run_id not in chosen.owners:
            raise NotFound(f"no run with id {run_id!r}")
    known = {record.key for record in scan(open_reader, [topics.EXPERIMENTS])}
    for experiment_id in experiment_ids:
        if experiment_id not in known:
            raise NotFound(f"no experiment with id {experiment_id!r}")
    return chosen


def messages(open_reader: OpenReader, chosen: Chosen, blobs: BlobStore | None) -> Iterator[bytes]:
    """Yield the events as they stand on the log, each entity's in order; behind them, before the event of the
    first file that has it, each content in chunks, unless `blobs` is None."""
    sent: set[str] = set()
    for topic in _ORDER:
        keys = chosen.experiments if topic == topics.EXPERIMENTS else chosen.owners
        for record in scan(open_reader, [topic]):
            if record.key not in keys or not _type_of(record):
                continue
            if topic == topics.ARTIFACTS and blobs is not None:
                body = codec.decode(record.value).body
                if isinstance(body, e.ArtifactLogged) and body.sha256 not in sent:
                    sent.add(body.sha256)
                    stored = blobs.find(body.sha256)
                    if stored is not None:
                        yield from _content(blobs, stored)
            yield record.value


def scan(open_reader: OpenReader, names: Sequence[str]) -> Iterator[LogRecord]:
    """Yield the records of topics up to the log's end of now, each partition's in order."""
    reader = open_reader(names)
    try:
        ends = reader.end()
        reader.seek(dict.fromkeys(ends, 0))
        while any(offset < ends.get(place, 0) for place, offset in reader.positions().items()):
            for record in reader.poll(_POLL_RECORDS, _POLL_SECONDS):
                if record.position.offset < ends.get(record.position.topic_partition, 0):
                    yield record
    finally:
        reader.close()


def _type_of(record: LogRecord) -> str:
    """Return the name of a record's event; empty for a record that is none."""
    try:
        return codec.schema_of(record.value).event_name
    except MalformedEvent:
        return ""


def _content(blobs: BlobStore, blob: Blob) -> Iterator[bytes]:
    upload_id = f"x{blob.sha256[:40]}"
    producer = producer_of("chunks", upload_id)
    facts = (Dated(0, chunk) for chunk in _chunks(blobs, blob, upload_id))
    for event in stamped(producer, facts):
        yield codec.encode(event)


def _chunks(blobs: BlobStore, blob: Blob, upload_id: str) -> Iterator[e.ArtifactChunk]:
    offset = 0
    held = bytearray()
    for piece in blobs.open(blob.sha256):
        held += piece
        while len(held) >= CHUNK_BYTES:
            yield e.ArtifactChunk(upload_id, offset, blob.size, blob.sha256, bytes(held[:CHUNK_BYTES]))
            offset += CHUNK_BYTES
            del held[:CHUNK_BYTES]
    if held or not blob.size:
        yield e.ArtifactChunk(upload_id, offset, blob.size, blob.sha256, bytes(held))
