"""What one query of a user may take, as settings of its read-only session."""

from __future__ import annotations

GUARD_SETTINGS: dict[str, str] = {
    "max_execution_time": "30",
    "timeout_overflow_mode": "throw",
    "max_memory_usage": "2000000000",
    "max_result_rows": "1000000",
    "max_result_bytes": "268435456",
    "result_overflow_mode": "throw",
    "max_query_size": "131072",
    "max_ast_depth": "500",
    "max_ast_elements": "20000",
    "max_expanded_ast_elements": "100000",
    "max_subquery_depth": "20",
    "max_temporary_columns": "1000",
    "max_threads": "2",
    "allow_introspection_functions": "0",
    "allow_ddl": "0",
}
"""Names and values are ClickHouse's; time in seconds, sizes in bytes. `readonly` is set by the engine."""
