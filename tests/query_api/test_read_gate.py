"""No reader is inside while the gate is closed, and closing waits for those who are."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from trackstream_api.read_gate import ReadGate


def test_readers_are_inside_together() -> None:
    gate = ReadGate()
    together = threading.Barrier(3)

    def read() -> None:
        with gate.reading():
            together.wait(10)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(read) for _ in range(3)]:
            done.result(10)


def test_a_swap_is_never_seen_half_done() -> None:
    gate = ReadGate()
    tables = [0, 0]
    stop = threading.Event()
    torn: list[list[int]] = []

    def read() -> int:
        reads = 0
        while not stop.is_set():
            with gate.reading():
                first = tables[0]
                if tables[1] != first:
                    torn.append(list(tables))
                reads += 1
        return reads

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for number in range(1, 300):
            with gate.closed():
                tables[0] = number
                tables[1] = number
        stop.set()
        assert sum(reader.result(10) for reader in readers) > 0
    assert torn == []


def test_a_failed_swap_opens_the_gate_again() -> None:
    gate = ReadGate()
    try:
        with gate.closed():
            raise RuntimeError("swap failed")
    except RuntimeError:
        pass
    with gate.reading():
        assert True
