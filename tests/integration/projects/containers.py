"""Projects for containers, and launches of them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tests.integration.projects.launching import WAIT

if TYPE_CHECKING:
    from pathlib import Path

LOGGING = f"""
name: In a Box
docker_env:
  image: base:1
  volumes: ["/data/sets:/sets:ro", "cache:/cache"]
  environment: [["GREETING", "hi there"], "COPIED"]
entry_points:
  main:
    parameters:
      words: {{type: path, default: words.txt}}
      text: string
    command: "{sys.executable} main.py {{words}} {{text}}"
"""
PROGRAM = """
import os, sys, trackstream
words = open(sys.argv[1]).read().strip()
print(" ".join([words, sys.argv[2], os.environ["GREETING"], os.environ["COPIED"]]))
print("on standard error", file=sys.stderr)
with trackstream.start_run():
    trackstream.log_metric("n", 7)
"""
WAITING = """
name: waiting
docker_env: {image: "base:1"}
entry_points:
  main:
    parameters: {place: string, code: {type: int, default: 0}}
    command: "bash wait.sh {place} {code}"
"""


def logging_project(place: Path) -> Path:
    """Write a project whose program reads a file of it, prints, and logs a metric."""
    project = place / "project"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "config").write_text("not for images")
    (project / "MLproject").write_text(LOGGING)
    (project / "main.py").write_text(PROGRAM)
    (project / "words.txt").write_text("of the project\n")
    return project


def waiting_project(place: Path) -> list[str]:
    """Write the waiting project of `launching.Waiting` for a container; returns the arguments of `run`."""
    project = place / "boxed"
    project.mkdir()
    (project / "MLproject").write_text(WAITING)
    (project / "wait.sh").write_text(WAIT)
    return [str(project), "-P", f"place={place}"]


def shell_project(place: Path, command: str, image: str = "base:1") -> str:
    """Write a project that runs one command in a container."""
    project = place / "project"
    project.mkdir()
    entry_points = {"main": {"command": command}}
    (project / "MLproject").write_text(
        json.dumps({"name": "shell", "docker_env": {"image": image}, "entry_points": entry_points})
    )
    return str(project)


def variables_of(texts: list[str]) -> dict[str, str]:
    """Return NAME=value texts by name."""
    return dict(text.partition("=")[::2] for text in texts)


def kept(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return some members of an object."""
    return {name: body[name] for name in names if name in body}
