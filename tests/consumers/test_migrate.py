"""Migrations: once each, on any database, safe to be cut, and never backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.consumers.tables import TABLES, scalar
from trackstream_consumers.errors import StoreTooNew
from trackstream_consumers.migrate import Migration, known_migrations, migrate, split_statements
from trackstream_consumers.projectors.latest import rank

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("-- a; b\nSELECT 1 -- c; d\n;", ["SELECT 1"]),
        ("SELECT /* ; */ 1", ["SELECT   1"]),
        ("SELECT 'a;b -- c'", ["SELECT 'a;b -- c'"]),
        ("SELECT 'it''s; 1'; SELECT 2", ["SELECT 'it''s; 1'", "SELECT 2"]),
        (r"SELECT 'it\'s; 1'; SELECT 2", [r"SELECT 'it\'s; 1'", "SELECT 2"]),
        ('SELECT ";`"; SELECT `;"`', ['SELECT ";`"', 'SELECT `;"`']),
        (" ;; \n-- nothing\n;", []),
    ],
    ids=["two", "comments", "block", "quoted", "doubled", "escaped", "names", "empty"],
)
def test_statements_are_split_outside_of_quotes_and_comments(text: str, statements: list[str]) -> None:
    assert split_statements(text) == statements


@given(st.lists(st.text(alphabet="ab;'-/*\\ \n", max_size=12), max_size=5))
def test_quoted_texts_come_out_as_they_are(texts: list[str]) -> None:
    quoted = ["'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" for text in texts]
    assert split_statements(";\n".join(quoted)) == quoted


def test_every_table_is_made(engine: Engine) -> None:
    assert known_migrations()
    for table in TABLES:
        assert scalar(engine, f"SELECT count() FROM {table}") == 0


def test_a_second_time_there_is_nothing_to_do(engine: Engine) -> None:
    assert migrate(engine) == []
    numbers = [migration.number for migration in known_migrations()]
    assert (
        scalar(engine, "SELECT groupArray(number) FROM (SELECT number FROM migrations ORDER BY 1)") == numbers
    )


def test_a_migration_cut_before_it_was_noted_runs_again(engine: Engine) -> None:
    with engine.client() as client:
        client.command("TRUNCATE TABLE migrations")
        client.command("INSERT INTO positions VALUES ('kept', 't', 0, 1)")
        client.command("DROP VIEW v_runs")
    assert migrate(engine) == list(known_migrations())
    assert scalar(engine, "SELECT projector FROM positions") == "kept"
    assert scalar(engine, "SELECT count() FROM v_runs") == 0


def test_only_what_is_missing_is_applied(engine: Engine) -> None:
    new = Migration(9999, "more", ("CREATE TABLE more (a UInt8) ENGINE = Memory",))
    assert migrate(engine, [*known_migrations(), new]) == [new]
    assert scalar(engine, "SELECT count() FROM more") == 0


def test_a_store_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    migrate(engine, [*known_migrations(), Migration(9999, "more", ())])
    with pytest.raises(StoreTooNew, match=r"at migration 9999, this version knows \d+:"):
        migrate(engine)


def test_a_store_from_before_positions_keeps_its_points_and_latest_values(engine: Engine) -> None:
    """Points of old have offset 0, and what is logged now replaces latest values of old."""
    name = "positions_of_points"
    (migration,) = (found for found in known_migrations() if found.name == name)
    values = [1.5, -2.0, float("nan"), float("-inf"), -0.0, 0.0]
    with engine.client() as client:
        for table in ("metric_points", "latest_metrics"):
            client.command(f"DROP TABLE {table} SYNC")
        client.command(
            "CREATE TABLE metric_points (run_id String, key LowCardinality(String), step Int64,"
            " timestamp Int64, value Float64, writer LowCardinality(String),"
            " producer_id LowCardinality(String), sequence UInt64, point UInt32)"
            " ENGINE = ReplacingMergeTree PRIMARY KEY (run_id, key, step)"
            " ORDER BY (run_id, key, step, timestamp, producer_id, sequence, point)"
        )
        client.command(
            "CREATE TABLE latest_metrics (key LowCardinality(String), run_id String, value Float64,"
            " step Int64, timestamp Int64, rank UInt256)"
            " ENGINE = ReplacingMergeTree(rank) ORDER BY (key, run_id)"
        )
        client.command("INSERT INTO metric_points VALUES ('r', 'k', 5, 1, 0.5, '', 'p', 0, 0)")
        rows = [[f"k{n}", "r", value, -7 + n, 1000 + n, (2**63 + n) << 192] for n, value in enumerate(values)]
        client.insert("latest_metrics", rows)
        for _ in range(2):
            for statement in migration.statements:
                client.command(statement)
        assert client.query("SELECT offset, partition FROM metric_points FINAL").result_rows == [(0, 0)]
        found = client.query("SELECT key, toString(rank) FROM latest_metrics FINAL ORDER BY key").result_rows
    steps = np.arange(len(values), dtype=np.int64)
    words = rank(np.zeros_like(steps), steps - 7, steps + 1000, np.array(values))
    wanted = [str(int.from_bytes(word.tobytes(), "little")) for word in words]
    assert found == [(f"k{n}", text) for n, text in enumerate(wanted)]
