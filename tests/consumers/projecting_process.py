"""A process to be killed: `LOG DIRECTORY project` projects in small batches and says a line for each;

`LOG DIRECTORY show` prints what readers see, a line a row.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.consumers.tables import visible
from trackstream_consumers.consumer import Consumer, ConsumerSettings
from trackstream_consumers.engine import Engine
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.migrate import migrate
from trackstream_consumers.pipeline import projectors
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_schemas.blobs import DirectoryBlobStore

if TYPE_CHECKING:
    from trackstream_consumers.log.port import LogRecord
    from trackstream_schemas.events import DeadLettered


class TalkingReader(SqliteLogReader):
    """Says when it hands over records."""

    def poll(self, max_records: int, timeout: float) -> list[LogRecord]:
        found = super().poll(max_records, timeout)
        print(len(found), flush=True)
        return found


def refuse(letter: DeadLettered) -> None:
    raise SystemExit(letter.error_message)


def main(log: Path, directory: Path, what: str) -> None:
    engine = Engine(directory / "engine")
    migrate(engine)
    if what == "show":
        for table, rows in visible(engine).items():
            for row in rows:
                print(table, row)
        return
    blobs = DirectoryBlobStore(directory / "blobs")
    for projector in projectors(engine, UploadSink(directory / "uploads", blobs)):
        reader = TalkingReader(log, projector.topics)
        Consumer(reader, projector, refuse, ConsumerSettings(max_rows=1, poll_records=5)).catch_up()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
