"""Tags that a run gets by itself: who ran what, where, from which commit.

Names of the mlflow.* tags: mlflow.utils.mlflow_tags.
"""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

USER = "mlflow.user"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
GIT_COMMIT = "mlflow.source.git.commit"
RUN_NAME = "mlflow.runName"
PARENT_RUN_ID = "mlflow.parentRunId"
DESCRIPTION = "mlflow.note.content"
HOST = "trackstream.host"

_GIT_TIMEOUT_S = 2.0


def context_tags() -> dict[str, str]:
    """Return the tags; what cannot be found out is left out."""
    source = _source_name()
    tags = {
        USER: user_name(),
        SOURCE_NAME: source,
        SOURCE_TYPE: "NOTEBOOK" if "ipykernel" in sys.modules else "LOCAL",
        HOST: socket.gethostname(),
    }
    commit = _git_commit(str(Path(source).absolute().parent if Path(source).is_file() else Path.cwd()))
    if commit:
        tags[GIT_COMMIT] = commit
    return {key: value for key, value in tags.items() if value}


@cache
def user_name() -> str:
    """Return the operating system's name for the user, or an empty string."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # A uid without a name, as in many containers.
        return ""


def _source_name() -> str:
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if isinstance(file, str):
        return os.path.abspath(file)
    return sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-c") else Path(sys.executable).name


@cache
def _git_commit(directory: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError):  # No git, no such directory, too slow.
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
