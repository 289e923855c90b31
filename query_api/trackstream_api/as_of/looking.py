"""One way to read, whether the question is of now or of an earlier moment."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from trackstream_api.as_of.moment import cut_at
from trackstream_api.as_of.snapshots import TOPICS
from trackstream_api.barrier import LAG_HEADER, reading
from trackstream_api.log_places import vector_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from trackstream_api.as_of.parts import Part
    from trackstream_api.store import Store
    from trackstream_consumers.engine import Engine

AS_OF_HEADER = "X-Trackstream-As-Of"
"""The cut that was answered for, exactly; to be given back as `as_of` for answers of the same moment."""


class Look(NamedTuple):
    """Where to put a query, and the headers of its answer."""

    engine: Engine
    headers: Mapping[str, str]


@contextmanager
def looking(
    store: Store, parts: Collection[Part], consistency: str = "strong", as_of: str | None = None
) -> Iterator[Look]:
    """Hold what a query reads still, live (`as_of` None or now) or as it was at a moment.

    An earlier moment is answered whole, whatever `consistency` says: with eventual only what was on the log
    then is waited for, with strong also what is on it now, so that a purge counts at once. Raises what
    `cut_at`, `barrier.reading` and `Snapshots.at` raise.
    """
    topics = {part.topic for part in parts}
    cut = None if as_of is None else cut_at(as_of, store, "as_of", TOPICS)
    if cut is None:
        with reading(store, topics, consistency) as headers:
            yield Look(store.engine, headers)
        return
    reached = partial(store.barrier.wait, topics, None if consistency == "strong" else cut)
    # Before the gate: a swap waits for those within, and projectors stand still meanwhile.
    reached()
    with store.gate.reading(), store.snapshots.at(cut, parts, reached) as engine:
        yield Look(engine, {LAG_HEADER: "0", AS_OF_HEADER: vector_text(cut)})
