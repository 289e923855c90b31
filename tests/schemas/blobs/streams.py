"""Streams to store, and what is below a store's address."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20


class Generated(io.RawIOBase):
    """`size` bytes that are never in memory, each MiB another; as little a file as a request's body is."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._block = os.urandom(MIB)
        self._number = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        count = min(size, self._left, MIB)
        self._left -= count
        self._number += 1
        return (self._number.to_bytes(8, "little") + self._block[8:])[:count]


class CuttingProxy:
    """Forwards connections to `target`, and cuts the first `cuts` of them after `after` bytes of answer."""

    def __init__(self, target: str, cuts: int, after: int) -> None:
        host, port = target.split(":")
        self._target = host, int(port)
        self._cuts = cuts
        self._after = after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cut = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Take no more connections, and wait until those there are have ended."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            for pump in (self._forward, self._answer):
                self._threads.append(threading.Thread(target=pump, args=(near, far)))
                self._threads[-1].start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        for data in _received(near):
            far.sendall(data)
        _end(far)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        sent = 0
        for data in _received(far):
            sent += len(data)
            if sent > self._after and self.cut < self._cuts:
                self.cut += 1
                break
            try:
                near.sendall(data)
            except OSError:
                break
        _end(near)
        _end(far)
        near.close()
        far.close()


def _received(connection: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            data = connection.recv(65536)
        except OSError:
            return
        if not data:
            return
        yield data


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
