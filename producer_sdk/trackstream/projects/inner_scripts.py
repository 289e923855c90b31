"""Commands that take a script as an argument: `bash -c`, `python -c`, `perl -e`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_COMMANDS = re.compile(r"(?:ba|da|a|k|z|fi)?sh|python[\d.]*|pypy[\d.]*|su|runuser|script|flock")
_OF_EXPRESSIONS = re.compile(r"perl|ruby|node|Rscript|R")
_WITH_OTHERS_BETWEEN = frozenset({"su", "runuser", "script", "flock"})
_TAKES_ONE = frozenset({"-o", "+o", "-O", "+O", "-W", "-X", "--rcfile", "--init-file"})


def script_of(words: Sequence[str]) -> str | None:
    """Return the command and option whose script the word after these is, as in `bash -c`, or None."""
    if not words:
        return None
    option = words[-1]
    for number, word in enumerate(words[:-1]):
        name, between = word.rpartition("/")[2], words[number + 1 : -1]
        of_commands = _OF_COMMANDS.fullmatch(name) and re.fullmatch(r"-[A-Za-z]*c|--command", option)
        of_expressions = _OF_EXPRESSIONS.fullmatch(name) and re.fullmatch(r"-[A-Za-z]*[eEp]|--eval", option)
        if not (of_commands or of_expressions):
            continue
        # `bash run.sh -c x` is another thing: there -c is for run.sh.
        options_only = all(
            one.startswith(("-", "+")) or before in _TAKES_ONE
            for before, one in zip(["", *between], between, strict=False)
        )
        if options_only or name in _WITH_OTHERS_BETWEEN:
            return f"{name} {option}"
    return None
