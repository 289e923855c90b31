"""`trackstream webhooks deliver`: the process that delivers for a store on Kafka."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackstream_api.stack_settings import blobs_from_environment, stack_from_environment
from trackstream_api.webhooks.config import load
from trackstream_api.webhooks.delivering import Delivering
from trackstream_schemas.errors import Conflict, InvalidInput, StorageFailed

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOOK_SECONDS = 0.5


def run(config: Path, state: Path, stopping: threading.Event, announce: Callable[[str], object]) -> None:
    """Deliver until `stopping` is set.

    Raises InvalidInput for settings or a file that cannot be right, Conflict where another process delivers
    from `state`, and what keeps the log from being read.
    """
    webhooks = load(config)
    if not any(webhook.enabled for webhook in webhooks):
        raise InvalidInput("webhooks", str(config), "a file with a webhook that is enabled")
    settings = stack_from_environment()
    from trackstream_api.distributed_store import DistributedStore

    with (
        _alone(state),
        DistributedStore(settings, blobs_from_environment()) as store,
        Delivering(store, webhooks, os.environ, state) as delivering,
    ):
        announce(f"delivering what happens on {settings.kafka_shown} to {len(webhooks)} webhooks")
        while not stopping.wait(_LOOK_SECONDS):
            if delivering.failure is not None:
                raise delivering.failure


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold the state file; two processes would deliver everything twice."""
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(state.with_name(state.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageFailed(f"cannot write beside {state}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Conflict(f"another process delivers from {state}; stop it, or use another --state") from error
    finally:
        os.close(handle)
