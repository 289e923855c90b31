"""Flushing at the end of the process, however it ends (short of SIGKILL).

Covers the normal end and an unhandled exception (atexit), SIGTERM, and the end of a multiprocessing
child, which skips atexit. Nothing is installed before the first run starts.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Ending = Literal["exit", "exception", "terminated", "signalled"]
"""`terminated`: SIGTERM ends the process. `signalled`: SIGTERM came, but the program handles it itself."""

logger = logging.getLogger("trackstream")
_finishers: list[Callable[[Ending], None]] = []
_previous: Any = None
_holds = 0
_held_signal: int | None = None
_masks = threading.local()


def install(finish: Callable[[Ending], None]) -> None:
    """Have `finish` called at the process's end, once for each way in which it learns of it.

    Those that were given first are called last. SIGTERM is watched where the first call is made on the main
    thread and the signal is not ignored; whatever handled it before is called afterwards.
    """
    if finish in _finishers:
        return
    _finishers.append(finish)
    if len(_finishers) > 1:
        return
    atexit.register(_at_exit)
    _watch_multiprocessing()
    _watch_sigterm()
    os.register_at_fork(after_in_child=_watch_multiprocessing_child)


@contextmanager
def held_back() -> Iterator[None]:
    """Have a SIGTERM that comes during the block wait for its end.

    For what the main thread does while it holds a lock (other than the producer's own, which its waits
    let go of) that the producer's thread needs to finish: our handler waits for that thread.
    """
    _hold_back()
    try:
        yield
    finally:
        _let_go()


def _hold_back() -> None:
    global _holds
    # Handlers run on the main thread only, so the count needs no lock.
    if threading.current_thread() is threading.main_thread():
        _holds += 1


def _let_go() -> None:
    global _holds, _held_signal
    if threading.current_thread() is not threading.main_thread():
        return
    _holds -= 1
    if not _holds and _held_signal is not None:
        number, _held_signal = _held_signal, None
        _on_sigterm(number, sys._getframe())


def _forget_holds() -> None:
    # What was being held in the parent, by whichever thread; its signals are not for the child.
    global _holds, _held_signal
    _holds, _held_signal = 0, None


os.register_at_fork(after_in_child=_forget_holds)


def _before_fork() -> None:
    # A signal that reaches a child before Python has set it up would be forgotten, and the child live on;
    # and in the parent the log's lock is held meanwhile.
    _hold_back()
    _masks.before_fork = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _after_fork_in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before_fork)
    _let_go()


def _after_fork_in_child() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before_fork)


def _at_exit() -> None:
    # Set by the interpreter when it has printed an unhandled exception.
    failed = getattr(sys, "last_value", None) is not None and not hasattr(sys, "ps1")
    _run("exception" if failed else "exit")


def _run(ending: Ending) -> None:
    for finish in reversed(_finishers):
        try:
            finish(ending)
        # The process ends for its own reasons; ours must not get in the way.
        except Exception:
            logger.exception("trackstream could not finish")


def _watch_multiprocessing(_: object = None) -> None:
    """Use the finalizers that multiprocessing runs before its children leave through os._exit."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, _at_exit, exitpriority=1)


def _watch_multiprocessing_child() -> None:
    # A child of multiprocessing begins by clearing the finalizers, then runs these.
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_run, _watch_multiprocessing)


def _watch_sigterm() -> None:
    global _previous
    if threading.current_thread() is not threading.main_thread():
        return
    try:
        previous = signal.getsignal(signal.SIGTERM)
        # None: a handler that Python did not install, which we could not put back.
        if previous is not None and previous is not signal.SIG_IGN:
            signal.signal(signal.SIGTERM, _on_sigterm)
            _previous = previous
            # This late, so that it comes before what others do ahead of a fork, and after what they do then.
            os.register_at_fork(
                before=_before_fork,
                after_in_parent=_after_fork_in_parent,
                after_in_child=_after_fork_in_child,
            )
    except ValueError:
        pass  # Not the main interpreter.


def _on_sigterm(number: int, frame: Any) -> None:
    global _held_signal
    if _holds:
        _held_signal = number
        return
    if callable(_previous):
        _run("signalled")
        _previous(number, frame)
        return
    _run("terminated")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), number)
