"""The store held against the journals, row for row and bit for bit."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.integration.faults.journal import FIRST_STEP, KEYS, LoggedRun, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from clickhouse_connect.driver import Client

    from trackstream_schemas.blobs import MinioBlobStore

RUNS = "{runs:Array(String)}"


@dataclass
class Tally:
    """What was acknowledged, and what became of it."""

    points: int = 0
    """Acknowledged metric points ..."""
    others: int = 0
    """... and acknowledged params, tags, files and ends of runs."""
    lost: int = 0
    """Of these, not in the store, and the product has not named them ..."""
    named: int = 0
    """... and not in the store, but named by the product as lost."""
    doubled: int = 0
    """In the store more than once, acknowledged or not."""
    wrong: list[str] = field(default_factory=list)
    """In the store, but not as any producer has logged it."""


def compare(
    store: Client,
    blobs: MinioBlobStore,
    runs: Mapping[str, LoggedRun],
    excused: frozenset[tuple[str, int]],
    in_conflict: frozenset[str],
) -> Tally:
    """Compare all that the journals tell of `runs` with the tables and the object store.

    `excused` are points (run id, index) of which the product itself has said that they are lost;
    `in_conflict` are the only runs that may have conflicts.
    """
    tally = Tally()
    ids = sorted(runs)
    assert ids, "nothing was logged"
    _points(store, runs, ids, excused, tally)
    for table, kind in (("run_params", "params"), ("run_tags", "tags")):
        _values(store, runs, ids, table, kind, tally)
    _ends(store, runs, ids, in_conflict, tally)
    _files(store, blobs, runs, ids, tally)
    return tally


def _points(
    store: Client,
    runs: Mapping[str, LoggedRun],
    ids: Sequence[str],
    excused: frozenset[tuple[str, int]],
    tally: Tally,
) -> None:
    found = store.query_arrow(
        "SELECT run_id, toString(key) AS key, step, timestamp, reinterpretAsInt64(value) AS bits"
        f" FROM metric_points FINAL WHERE run_id IN {RUNS} ORDER BY run_id, step",
        parameters={"runs": ids},
        use_strings=True,
    )
    names = np.array(found["run_id"].to_pylist(), dtype="U32")
    columns = {name: found[name].to_numpy() for name in ("step", "timestamp", "bits")}
    key = np.array(found["key"].to_pylist(), dtype="U16")
    for run_id in ids:
        begin, end = np.searchsorted(names, run_id), np.searchsorted(names, run_id, side="right")
        logged = runs[run_id]
        portions = logged.portions
        count = sum(portion.count for portion in portions)
        index = columns["step"][begin:end] - FIRST_STEP
        known = (index >= 0) & (index < count)
        if not known.all():
            tally.wrong.append(f"run {run_id}: {np.count_nonzero(~known)} points that nobody logged")
        times_found = np.bincount(index[known], minlength=count)
        tally.doubled += int(np.maximum(times_found - 1, 0).sum())
        if not portions:
            continue
        acknowledged = np.concatenate([np.full(p.count, p.acknowledged) for p in portions])
        missing = np.flatnonzero(acknowledged & (times_found == 0))
        tally.points += int(acknowledged.sum())
        named = sum((run_id, int(number)) in excused for number in missing)
        tally.named += named
        tally.lost += len(missing) - named
        bits = np.concatenate([values_of(logged.seed, p.first, p.count) for p in portions]).view(np.int64)
        timestamps = np.concatenate([np.full(p.count, p.timestamp) for p in portions])
        at = index[known]
        same = (
            (bits[at] == columns["bits"][begin:end][known])
            & (timestamps[at] == columns["timestamp"][begin:end][known])
            & (np.array(KEYS, dtype="U16")[at % len(KEYS)] == key[begin:end][known])
        )
        if not same.all():
            tally.wrong.append(f"run {run_id}: {np.count_nonzero(~same)} points are not as they were logged")


def _values(
    store: Client, runs: Mapping[str, LoggedRun], ids: Sequence[str], table: str, kind: str, tally: Tally
) -> None:
    rows = _rows(store, f"SELECT run_id, toString(key), value FROM {table} FINAL WHERE run_id IN {RUNS}", ids)
    times_found = Counter((run_id, key) for run_id, key, _ in rows)
    found = {(run_id, key): value for run_id, key, value in rows}
    for run_id in ids:
        for key, noted in getattr(runs[run_id], kind).items():
            place = (run_id, key)
            tally.others += noted.acknowledged
            tally.lost += noted.acknowledged and place not in found
            tally.doubled += max(0, times_found[place] - 1)
            if found.get(place, noted.value) != noted.value:
                tally.wrong.append(f"{kind} {key} of run {run_id}: {found[place]!r}, not {noted.value!r}")


def _ends(
    store: Client,
    runs: Mapping[str, LoggedRun],
    ids: Sequence[str],
    in_conflict: frozenset[str],
    tally: Tally,
) -> None:
    rows = _rows(
        store, f"SELECT run_id, toString(status), conflicts FROM runs FINAL WHERE run_id IN {RUNS}", ids
    )
    times_found = Counter(row[0] for row in rows)
    tally.doubled += sum(times - 1 for times in times_found.values())
    status = {row[0]: row[1] for row in rows}
    tally.wrong += [
        f"run {run_id} has conflicts: {conflicts}"
        for run_id, _, conflicts in rows
        if conflicts and run_id not in in_conflict
    ]
    for run_id in ids:
        end = runs[run_id].end
        if end is not None and end.acknowledged:
            tally.others += 1
            tally.lost += status.get(run_id) != end.value


def _files(
    store: Client, blobs: MinioBlobStore, runs: Mapping[str, LoggedRun], ids: Sequence[str], tally: Tally
) -> None:
    rows = _rows(store, f"SELECT run_id, path, sha256 FROM artifacts FINAL WHERE run_id IN {RUNS}", ids)
    times_found = Counter((run_id, path) for run_id, path, _ in rows)
    found = {(run_id, path): digest for run_id, path, digest in rows}
    tally.doubled += sum(times - 1 for times in times_found.values())
    for run_id in ids:
        for path, noted in runs[run_id].files.items():
            if not noted.acknowledged:
                continue
            tally.others += 1
            digest = found.get((run_id, path))
            if digest is None or blobs.find(digest) is None:
                tally.lost += 1
                continue
            content = hashlib.sha256()
            for piece in blobs.open(digest):
                content.update(piece)
            if not content.hexdigest() == digest == noted.value:
                tally.wrong.append(f"file {path} of run {run_id} has another content")


def _rows(store: Client, query: str, ids: Iterable[str]) -> Sequence[Sequence[Any]]:
    return store.query(query, parameters={"runs": list(ids)}).result_rows
