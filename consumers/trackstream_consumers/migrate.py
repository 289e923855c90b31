"""Brings the analytical store's tables up to this version: numbered `.sql` files, each applied once.

Statements must be repeatable (`IF NOT EXISTS`, `OR REPLACE`): a process killed between a statement and
the note that its file is done runs the file again. They name no database, so they suit any.
"""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from trackstream_consumers.errors import StoreTooNew
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
# A quoted text (which may hold anything), a comment, or the end of a statement.
_TOKEN = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)"""
    r"""|(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<end>;)""",
    re.DOTALL,
)
_OF_A_VIEW = re.compile(r"(CREATE OR REPLACE VIEW|ALTER TABLE)\s+v_")
_NOTES = (
    "CREATE TABLE IF NOT EXISTS migrations (number UInt32 COMMENT 'Of the file', name String COMMENT 'Of the"
    " file', applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY number"
    " COMMENT 'Migrations that this database has had'"
)


@dataclass(frozen=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    statements: tuple[str, ...]


def split_statements(text: str) -> list[str]:
    """Return the SQL statements of `text` without comments; quoted text is left as it is."""
    statements: list[str] = []
    current: list[str] = []
    at = 0
    for token in _TOKEN.finditer(text):
        current.append(text[at : token.start()])
        at = token.end()
        if token["quoted"]:
            current.append(token[0])
        elif token["comment"]:
            current.append(" ")
        else:
            statements.append("".join(current))
            current = []
    statements.append("".join([*current, text[at:]]))
    return [statement.strip() for statement in statements if statement.strip()]


@cache
def known_migrations() -> tuple[Migration, ...]:
    """Return the migrations of this version in order."""
    found = []
    for entry in files("trackstream_consumers").joinpath("migrations").iterdir():
        if name := _NAME.fullmatch(entry.name):
            statements = split_statements(entry.read_text(encoding="utf-8"))
            found.append(Migration(int(name[1]), name[2], tuple(statements)))
    return tuple(sorted(found, key=lambda migration: migration.number))


def migrate_together(engine: Engine, attempts: int = 8) -> None:
    """Apply what is missing while other processes may do the same at the same time.

    The statements are repeatable, but two processes at one statement can still collide; whoever does
    looks again. Raises StoreTooNew, or Unavailable where the store refuses a statement every time.
    """
    pause = 0.1
    while True:
        try:
            migrate(engine)
            return
        except ClickHouseError as error:
            attempts -= 1
            if attempts == 0:
                raise Unavailable(f"the analytical store's tables cannot be made: {error}") from error
        # Not all at the same time again.
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, 2.0)


def migrate(
    engine: Engine, migrations: Sequence[Migration] | None = None, *, views: bool = True
) -> list[Migration]:
    """Apply to `engine.database` what it has not had yet, and return that.

    Without `views` those for people are left out: for a database that is filled and never read from. Raises
    StoreTooNew, having changed nothing, where it has had a migration that is not known here.
    """
    known = known_migrations() if migrations is None else migrations
    with engine.client() as client:
        client.command(_NOTES)
        applied = {int(row[0]) for row in client.query("SELECT number FROM migrations FINAL").result_rows}
        highest = known[-1].number if known else 0
        if applied and max(applied) > highest:
            raise StoreTooNew(engine.database, max(applied), highest)
        missing = [migration for migration in known if migration.number not in applied]
        for migration in missing:
            for statement in migration.statements:
                if views or not _OF_A_VIEW.match(statement):
                    client.command(statement)
            client.insert("migrations", [[migration.number, migration.name]], column_names=["number", "name"])
    return missing
