"""A consumer outside any group: it reads every partition, whoever else does, and projects it.

`python -m tests.integration.faults.lone_owner STOP_FILE` runs until the file appears, on the stack that the
environment describes, and then prints how many records each projector took as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from trackstream.log.kafka import KafkaLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_api.stack_settings import blobs_from_environment, stack_from_environment
from trackstream_consumers.consumer import Consumer
from trackstream_consumers.engine import Engine
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_consumers.pipeline import projectors
from trackstream_consumers.projectors.uploads import UploadSink


def main(stop_file: str) -> None:
    settings = stack_from_environment()
    with ExitStack() as opened:
        engine = Engine(settings.engine_target, settings.database)
        opened.callback(engine.close)
        writer = KafkaLogWriter(settings.kafka_uri)
        opened.callback(writer.close)
        producer = Producer(writer, Settings())
        opened.callback(producer.close)
        spool = opened.enter_context(tempfile.TemporaryDirectory(prefix="trackstream-faults-"))
        sink = UploadSink(Path(spool), blobs_from_environment(), outlives_process=False)
        consumers = [
            Consumer(
                KafkaLogReader(settings.kafka_uri, projector.topics),
                projector,
                lambda letter: print(producer.emit_and_wait([letter]), file=sys.stderr),
            )
            for projector in projectors(engine, sink)
        ]
        for consumer in consumers:
            opened.callback(consumer.close)
            consumer.start()
        print("owns everything", flush=True)
        while not Path(stop_file).exists():
            time.sleep(0.1)
        for consumer in consumers:
            consumer.stop()
        progress = {consumer.projector.name: consumer.progress.snapshot() for consumer in consumers}
        failures = [now.failure for now in progress.values() if now.failure]
        if failures:
            raise failures[0]
        print("took", json.dumps({name: now.records for name, now in progress.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
