"""What a launch prints, as it prints it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackstream.projects.launch_folder import LaunchFolder

_LOOK_SECONDS = 0.1
_PIECE = 1 << 16


def follow(folder: LaunchFolder, show: Callable[[bytes], object], *, wait: bool = True) -> None:
    """Call `show` with what a launch of this machine has printed, in pieces; with `wait`, until it is
    over.
    """
    with folder.output.open("rb") as output:
        while True:
            # Asked before the last look: what comes between is then seen in the next round.
            going_on = wait and folder.is_held()
            while piece := output.read(_PIECE):
                show(piece)
            if not going_on:
                return
            time.sleep(_LOOK_SECONDS)
