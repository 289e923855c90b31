"""ClickHouse as sqlglot reads it, but every function stays the function that was written.

The stock dialect turns functions into nodes of its own and may write them back as other functions. Here
a call is a name with arguments, so the name that is checked is the name that is run.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.parsers.clickhouse import ClickHouseParser

# It would log every statement that it does not know and that the guard refuses for that.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_SPECIAL_SYNTAX = ("CAST", "EXTRACT", "TRIM")


class _Parser(ClickHouseParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        name: parse for name, parse in ClickHouseParser.FUNCTION_PARSERS.items() if name in _SPECIAL_SYNTAX
    }
    NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        name: parse for name, parse in ClickHouseParser.NO_PAREN_FUNCTION_PARSERS.items() if name == "CASE"
    }


class GuardedClickHouse(ClickHouse):
    """Not for anything but the guard."""

    Parser = _Parser
