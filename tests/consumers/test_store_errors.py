"""Which of the engine's errors blame the records, and which the store: only the former may cost a record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from trackstream_consumers import store
from trackstream_consumers.errors import SlowDown

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

POSITION = {"projector": "p", "topic": "t", "partition": 0, "next_offset": 1}


def test_values_that_no_column_takes_are_refused(engine: Engine) -> None:
    with pytest.raises(store.RowsRefused):
        store.insert(engine, "positions", pa.Table.from_pylist([{**POSITION, "partition": "many"}]))


def test_a_table_that_cannot_be_read_is_waited_for(engine: Engine) -> None:
    store.insert(engine, "positions", pa.Table.from_pylist([POSITION]))
    with engine.client() as client:
        ((path,),) = client.query(
            "SELECT path FROM system.parts"
            " WHERE active AND table = 'positions' AND database = currentDatabase()"
        ).result_rows
        # What a full disk has left of a part, once it is not in memory any more.
        (Path(path) / "data.bin").write_bytes(b"")
        client.command("SYSTEM DROP MARK CACHE")
        client.command("SYSTEM DROP UNCOMPRESSED CACHE")
    with pytest.raises(SlowDown, match="CANNOT_READ_ALL_DATA"):
        store.positions(engine, "p")
