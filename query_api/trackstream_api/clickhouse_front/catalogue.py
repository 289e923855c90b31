"""What clients ask of a server before any query of their user: answered from the views, and only from them.

The guard of user SQL knows SELECTs over the views alone. A client that connects, and an editor that lists
tables, ask for a little more; each such question is recognised word for word and rewritten here.
"""

from __future__ import annotations

import re

from trackstream_api.sql_guard import VIEWS

_HANDSHAKE = {
    "SELECT version(), timezone()",
    "SELECT name, value, readonly FROM system.settings LIMIT 10000",
    "SELECT 1 AS check",
}
_SHOW_DATABASES = re.compile(r"SHOW DATABASES", re.IGNORECASE)
_SHOW_TABLES = re.compile(r"SHOW TABLES(?: (?:FROM|IN) (?P<database>`?\w+`?))?", re.IGNORECASE)
_DESCRIBE = re.compile(
    r"DESC(?:RIBE)?(?: TABLE)? (?:(?P<database>`?\w+`?)\.)?(?P<table>`?\w+`?)", re.IGNORECASE
)


def rewrite(text: str, database: str) -> str | None:
    """Return the SQL that answers a question about the catalogue, or None where `text` is not one."""
    words = " ".join(text.split())
    if words in _HANDSHAKE:
        return words
    if _SHOW_DATABASES.fullmatch(words):
        return f"SELECT '{database}' AS name"
    found = _SHOW_TABLES.fullmatch(words)
    if found and _bare(found["database"] or database) == database:
        names = ", ".join(f"'{view}'" for view in sorted(VIEWS))
        return f"SELECT arrayJoin([{names}]) AS name"
    found = _DESCRIBE.fullmatch(words)
    if found and _bare(found["database"] or database) == database and _bare(found["table"]) in VIEWS:
        return f"DESCRIBE TABLE {database}.{_bare(found['table'])}"
    return None


def _bare(name: str) -> str:
    return name.strip("`")
