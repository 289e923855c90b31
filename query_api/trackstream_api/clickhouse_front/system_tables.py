"""ClickHouse's system tables as a client of the guarded front sees them: the views and nothing else.

Each is a SELECT of literals, with those columns of the real table that clients ask for. Sources:
ClickHouse's documentation of its system tables, clickhouse-connect's SQLAlchemy dialect, clickhouse-go,
Grafana's ClickHouse plugin, the `DatabaseMetaData` of clickhouse-jdbc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.sql_guard import GUARD_SETTINGS
from trackstream_api.sql_guard.functions import FUNCTIONS_BY_CATEGORY, TYPE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NO_ID = "toUUID('00000000-0000-0000-0000-000000000000')"
_NO_NUMBER = "CAST(NULL AS Nullable(UInt64))"
_NO_TEXT = "''"
_NO_TEXTS = "CAST([] AS Array(String))"
_ZERO = "toUInt8(0)"


@dataclass(frozen=True)
class ViewColumn:
    """One column of a view, as `system.columns` has it; `position` counts from 1."""

    view: str
    name: str
    type: str
    position: int
    comment: str


@dataclass(frozen=True)
class ViewInfo:
    """One view with its comment."""

    name: str
    comment: str


@dataclass(frozen=True)
class _Table:
    """Columns that differ from row to row, by what they are made of, and those that do not."""

    varying: Mapping[str, str]
    """Name to an expression over `{}`, the row's value."""
    rows: Sequence[tuple[str | int, ...]]
    fixed: Mapping[str, str]

    def select(self) -> str:
        """Return the table as a SELECT without a table."""
        rows = ", ".join(f"tuple({', '.join(map(_literal, row))})" for row in self.rows)
        columns = [
            f'{expression.format(f"tupleElement(system_row, {index})")} AS "{name}"'
            for index, (name, expression) in enumerate(self.varying.items(), start=1)
        ]
        columns += [f'{expression} AS "{name}"' for name, expression in self.fixed.items()]
        return f"SELECT {', '.join(columns)} FROM (SELECT arrayJoin([{rows}]) AS system_row)"


def selects(database: str, views: Sequence[ViewInfo], columns: Sequence[ViewColumn]) -> dict[str, str]:
    """Return for the name of each table of `system` that is answered for a SELECT that stands for it."""
    functions = sorted({name for names in FUNCTIONS_BY_CATEGORY.values() for name in names.split()})
    tables = {
        "databases": _Table(
            {"name": "{}"},
            [(database,)],
            {
                "engine": "'Atomic'",
                "engine_full": "'Atomic'",
                "data_path": _NO_TEXT,
                "metadata_path": _NO_TEXT,
                "uuid": _NO_ID,
                "comment": _NO_TEXT,
            },
        ),
        "tables": _Table(
            {"database": "{}", "name": "{}", "comment": "{}"},
            [(database, view.name, view.comment) for view in views],
            {
                "engine": "'View'",
                "engine_full": _NO_TEXT,
                "uuid": _NO_ID,
                "is_temporary": _ZERO,
                "has_own_data": _ZERO,
                "data_paths": _NO_TEXTS,
                "dependencies_database": _NO_TEXTS,
                "dependencies_table": _NO_TEXTS,
                **dict.fromkeys(
                    (
                        "create_table_query",
                        "as_select",
                        "partition_key",
                        "sorting_key",
                        "primary_key",
                        "sampling_key",
                        "storage_policy",
                        "metadata_path",
                    ),
                    _NO_TEXT,
                ),
                **dict.fromkeys(("total_rows", "total_bytes", "parts", "active_parts"), _NO_NUMBER),
            },
        ),
        "columns": _Table(
            {
                "database": "{}",
                "table": "{}",
                "name": "{}",
                "type": "{}",
                "position": "toUInt64({})",
                "comment": "{}",
            },
            [
                (database, column.view, column.name, column.type, column.position, column.comment)
                for column in columns
            ],
            {
                **dict.fromkeys(("default_kind", "default_expression", "compression_codec"), _NO_TEXT),
                **dict.fromkeys(
                    ("data_compressed_bytes", "data_uncompressed_bytes", "marks_bytes"), "toUInt64(0)"
                ),
                **dict.fromkeys(
                    (
                        "is_in_partition_key",
                        "is_in_sorting_key",
                        "is_in_primary_key",
                        "is_in_sampling_key",
                    ),
                    _ZERO,
                ),
                **dict.fromkeys(
                    (
                        "character_octet_length",
                        "numeric_precision",
                        "numeric_precision_radix",
                        "numeric_scale",
                        "datetime_precision",
                    ),
                    _NO_NUMBER,
                ),
            },
        ),
        "settings": _Table(
            {"name": "{}", "value": "{}"},
            sorted({**GUARD_SETTINGS, "readonly": "1"}.items()),
            {
                "changed": "toUInt8(1)",
                "description": _NO_TEXT,
                "min": "CAST(NULL AS Nullable(String))",
                "max": "CAST(NULL AS Nullable(String))",
                "readonly": "toUInt8(1)",
                "type": "'String'",
                "default": _NO_TEXT,
            },
        ),
        "functions": _Table(
            {"name": "{}"},
            [(name,) for name in functions],
            {
                "is_aggregate": _ZERO,
                "case_insensitive": _ZERO,
                "alias_to": _NO_TEXT,
                "create_query": _NO_TEXT,
                "origin": "'System'",
                "description": _NO_TEXT,
                "syntax": _NO_TEXT,
                "arguments": _NO_TEXT,
                "returned_value": _NO_TEXT,
                "examples": _NO_TEXT,
                "categories": _NO_TEXT,
            },
        ),
        "data_type_families": _Table(
            {"name": "{}"},
            [(name,) for name in sorted(TYPE_NAMES)],
            {"case_insensitive": _ZERO, "alias_to": _NO_TEXT},
        ),
    }
    return {name: table.select() for name, table in tables.items()}


def _literal(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
