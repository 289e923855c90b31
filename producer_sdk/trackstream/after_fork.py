"""What objects do in a forked child, where the parent's threads and locks do not exist."""

from __future__ import annotations

import itertools
import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# No lock, which a fork could find held: each change is one atomic step.
_numbers = itertools.count()
_methods: dict[int, weakref.WeakMethod[Callable[[], None]]] = {}


def call_in_child(method: Callable[[], None]) -> None:
    """Have a bound method called in every child that is forked while its object lives.

    Objects are called in the order in which they came here.
    """
    number = next(_numbers)
    _methods[number] = weakref.WeakMethod(method, lambda _: _methods.pop(number, None))


def _in_child() -> None:
    for reference in list(_methods.values()):
        method = reference()
        if method is not None:
            method()


os.register_at_fork(after_in_child=_in_child)
