"""Which statuses a run can have, for filters that compare it with another."""

from __future__ import annotations


def status_hints(expression: str) -> list[str]:
    """Return a sentence for each `status = 'X'` in a filter for runs where no run can have the status X.

    MLflow's grammar takes any string, so such a filter is no error; it just finds nothing.
    """
    # Lazy, since `--help` needs none of it.
    from typing import get_args

    from trackstream_api.search.grammar import parse_filter
    from trackstream_api.search.vocabulary import RUNS
    from trackstream_schemas.events import RunStatus

    known = get_args(RunStatus)
    return [
        f"no run has the status {found.value!r}: it is one of {', '.join(known)}"
        for found in parse_filter(expression, RUNS)
        if (found.identifier.entity, found.identifier.key, found.operator) == ("attribute", "status", "=")
        and found.value not in known
    ]
