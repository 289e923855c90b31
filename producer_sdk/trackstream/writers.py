"""The writers of a run: which of the processes that log into one run answers for it."""

from __future__ import annotations

import re

_NUMBER_ZERO = re.compile(r"\D*0+")


def owns_attached_runs(writer: str) -> bool:
    """Whether a process that attaches to a run under this name ends the run when it ends.

    One without a name is alone and does; among several the one with the number 0 (rank0, 0, worker-00).
    """
    return not writer or _NUMBER_ZERO.fullmatch(writer) is not None
