"""How much of its disk the analytical store leaves free.

An insert that would find less is refused (ClickHouse's error 243, NOT_ENOUGH_SPACE) before it writes
anything, and the projectors wait. Without a reserve the engine would write until the disk is full, and where
another process takes the space at the same moment, it can commit a part whose files are empty
(docs/faults.md).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clickhouse_connect.driver import Client

VARIABLE = "TRACKSTREAM_MIN_FREE_DISK_BYTES"
DEFAULT_BYTES = 128 << 20
_SETTING = "min_free_disk_bytes_to_perform_insert"
"""Of ClickHouse, since 24.10."""


def disk_reserve(environ: Mapping[str, str] = os.environ) -> int:
    """Return the bytes to leave free, 0 for none. Raises InvalidInput where VARIABLE is no such number."""
    text = environ.get(VARIABLE, "").strip()
    if not text:
        return DEFAULT_BYTES
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(1 << 63)):
        raise InvalidInput(VARIABLE, text, f"a number of bytes, 0 for no reserve (default {DEFAULT_BYTES})")
    return int(text)


def keep_free(client: Client, reserve: int) -> None:
    """Have the client's inserts refused while the store's disk has fewer bytes free.

    Does nothing where the server is too old to know of it, or lets its users not change it.
    """
    known = client.server_settings.get(_SETTING)
    if reserve and known is not None and not known.readonly:
        client.set_client_setting(_SETTING, reserve)
