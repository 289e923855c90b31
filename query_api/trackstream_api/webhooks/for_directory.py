"""Delivering for a store in a directory, by its server."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackstream_api.webhooks.config import STATE_NAME, load, path_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.store import Store


@contextmanager
def delivering_for(store: Store, directory: Path) -> Iterator[None]:
    """Deliver what happens in the store of a directory while the block lasts. Without webhooks there is no
    thread and no file for it.

    Raises InvalidInput for a file of webhooks that is wrong, or a secret that is missing.
    """
    path = path_for(directory)
    webhooks = load(path) if path is not None else []
    if not any(webhook.enabled for webhook in webhooks):
        yield
        return
    from trackstream_api.webhooks.delivering import Delivering

    with Delivering(store, webhooks, os.environ, directory / STATE_NAME):
        yield
