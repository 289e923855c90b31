"""Containers and jobs that run on when their launcher dies: noted before they are made, ended by the note.

The note is a file in the launch's directory. A watchdog ends what it names at once when the launcher dies;
where that fails, since Docker or the cluster does not answer then, whoever settles the launch tries again.

    python -m trackstream.projects.backends.left_over DIRECTORY
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from trackstream.projects.backends import backend_named
from trackstream.projects.errors import EnvironmentFailed
from trackstream.projects.watchdog import OnDeath
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.projects.backends.port import EndsLeftOvers

_NOTE = "left-over.json"
_TRIES = 20
_PAUSE_SECONDS = 3.0


def note(folder: Path, backend: str, found_by: Mapping[str, Any]) -> None:
    """Say in a launch's directory what is about to be made there, and how the backend finds it again."""
    new = folder / f"{_NOTE}.new"
    new.write_text(json.dumps({"backend": backend, "found_by": dict(found_by)}))
    new.rename(folder / _NOTE)


def forget(folder: Path) -> None:
    """Say that nothing is left."""
    (folder / _NOTE).unlink(missing_ok=True)


def is_noted(folder: Path) -> bool:
    """Whether something may be left."""
    return (folder / _NOTE).exists()


def end(folder: Path) -> None:
    """End what a dead launcher has left, if anything. Raises EnvironmentFailed where that fails now."""
    try:
        content = json.loads((folder / _NOTE).read_text())
    except FileNotFoundError:
        return
    except ValueError as error:
        raise EnvironmentFailed(f"{folder / _NOTE} cannot be read: {error}") from error
    backend = cast("EndsLeftOvers", backend_named(str(content["backend"])))
    backend.end_left_over(content["found_by"])


def watchdog(folder: Path) -> OnDeath:
    """Return what ends the noted when this process dies."""
    return OnDeath([sys.executable, "-P", "-m", "trackstream.projects.backends.left_over", str(folder)])


def main(folder: Path) -> int:
    """End the noted, trying for a minute; returns 1 where it could not be done."""
    for _ in range(_TRIES):
        try:
            end(folder)
        except TrackstreamError:
            time.sleep(_PAUSE_SECONDS)
        else:
            # The note stays for whoever settles the launch: what was being made just then may appear now.
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
