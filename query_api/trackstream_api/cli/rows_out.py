"""Rows to CSV, JSON, JSON lines or Parquet; a file is written aside and renamed once it is whole."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from trackstream_api.cli.output import columns_of, write_csv
from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_ROWS_AT_ONCE = 50_000


def write_runs(
    objects: Sequence[dict[str, Any]], flat_rows: Sequence[dict[str, Any]], format_: str, target: Path | None
) -> int:
    """Write runs: as they are for JSON, flat otherwise. Returns how many."""
    if format_ == "parquet":
        assert target is not None
        columns = columns_of(flat_rows)
        _write_parquet(iter(flat_rows), columns, target)
    else:
        with _text_target(target) as out:
            if format_ == "json":
                json.dump(list(objects), out, indent=2, ensure_ascii=False)
                out.write("\n")
            elif format_ == "jsonl":
                _write_json_lines(out, objects)
            else:
                write_csv(out, flat_rows)
    return len(objects)


def write_points(
    points: Iterator[dict[str, Any]], columns: Sequence[str], format_: str, target: Path | None
) -> int:
    """Write metric points as they come, without holding them all. Returns how many."""
    if format_ == "parquet":
        assert target is not None
        return _write_parquet(points, columns, target)
    with _text_target(target) as out:
        if format_ == "jsonl":
            return _write_json_lines(out, points)
        if format_ == "json":
            return _write_json_array(out, points)
        count = 0
        write_csv(out, [], columns)
        for part in _batches(points):
            csv.DictWriter(out, columns, lineterminator="\n").writerows(part)
            count += len(part)
        return count


def _write_json_lines(out: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    for row in rows:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_json_array(out: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    out.write("[")
    for count, row in enumerate(rows, 1):
        out.write(",\n" if count > 1 else "\n")
        out.write(json.dumps(row, ensure_ascii=False))
    out.write("\n]\n")
    return count


def _write_parquet(rows: Iterator[dict[str, Any]], columns: Sequence[str], target: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _arrow_type(pa, name)) for name in columns])
    count = 0
    with _whole_file(target) as aside, pq.ParquetWriter(aside, schema) as writer:
        for part in _batches(rows):
            arrays = [
                pa.array([_arrow_value(name, row.get(name)) for row in part], schema.field(name).type)
                for name in columns
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(part)
    return count


def _arrow_type(pa: Any, name: str) -> Any:
    if name == "value" or name.startswith("metrics."):
        return pa.float64()
    if name in ("start_time", "end_time", "timestamp"):
        return pa.timestamp("ms", tz="UTC")
    return pa.int64() if name == "step" else pa.string()


def _arrow_value(name: str, value: Any) -> Any:
    if value is not None and (name == "value" or name.startswith("metrics.")):
        return float(value)
    return value


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while part := list(itertools.islice(iterator, _ROWS_AT_ONCE)):
        yield part


@contextmanager
def _text_target(target: Path | None) -> Iterator[TextIO]:
    if target is None:
        yield sys.stdout
        return
    with _whole_file(target) as aside, aside.open("w", encoding="utf-8", newline="") as out:
        yield out


@contextmanager
def _whole_file(target: Path) -> Iterator[Path]:
    """Give a path beside `target` that becomes `target` when the block ends well, and nothing otherwise."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield aside
        os.replace(aside, target)
    except OSError as error:
        raise StorageFailed(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
