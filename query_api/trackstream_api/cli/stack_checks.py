"""The checks of `trackstream doctor` on the servers of the distributed composition."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trackstream_api.cli.check import Check
from trackstream_schemas.errors import TrackstreamError
from trackstream_schemas.kafka_connection import is_kafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trackstream_api.stack_settings import StackSettings


def is_distributed() -> bool:
    """Tell whether the environment describes the distributed composition.

    A TRACKSTREAM_URI that names another store than a log on Kafka wins: one shell works on one store.
    """
    uri = os.environ.get("TRACKSTREAM_URI", "")
    if uri and not is_kafka(uri):
        return False
    return bool(os.environ.get("TRACKSTREAM_KAFKA") or os.environ.get("TRACKSTREAM_CLICKHOUSE"))


def stack_checks() -> list[Check]:
    """Return what is found of the log, the analytical store and the blob store."""
    from trackstream_api.stack_settings import stack_from_environment

    try:
        settings = stack_from_environment()
    except TrackstreamError as error:
        return [Check("settings", "fail", str(error))]
    return [
        *_guarded("topics", lambda: _topics(settings)),
        *_guarded("clickhouse", lambda: _engine(settings)),
        *_guarded("blobs", _blobs),
    ]


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> list[Check]:
    try:
        return list(check())
    except TrackstreamError as error:
        return [Check(name, "fail", str(error))]


def _topics(settings: StackSettings) -> Iterator[Check]:
    from trackstream_api.kafka_admin import check_topics

    found = check_topics(settings.kafka_uri)
    for finding in found:
        yield Check("topics", finding.severity, f"{finding.topic} {finding.problem}: {finding.remedy}")
    if not found:
        yield Check("topics", "ok", f"all there on {settings.kafka_shown}, with the right settings")


def _engine(settings: StackSettings) -> Iterator[Check]:
    from trackstream_consumers.engine import Engine

    engine = Engine(settings.engine_target, settings.database, clients=1)
    try:
        with engine.client() as client:
            version = client.server_version
    finally:
        engine.close()
    yield Check("clickhouse", "ok", f"{settings.clickhouse_shown} answers, version {version}")


def _blobs() -> Iterator[Check]:
    from trackstream_api.stack_settings import blobs_from_environment

    store = blobs_from_environment()
    try:
        store.check()
    finally:
        store.close()
    yield Check("blobs", "ok", "the bucket is there and lets us in")
