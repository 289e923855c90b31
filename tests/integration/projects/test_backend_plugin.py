"""A backend that another package brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.processes import Server
    from tests.integration.projects.launching import Launcher

pytestmark = pytest.mark.integration

PLUGIN = """
import shlex
from dataclasses import replace

from trackstream.projects.backends.local import LocalBackend
from trackstream.projects.backends.port import Ready
from trackstream_schemas.errors import InvalidInput


class Loud(LocalBackend):
    def check(self, request):
        if set(request.backend_config) != {"greeting"}:
            raise InvalidInput("backend config", sorted(request.backend_config), "a greeting")

    def prepare(self, work, tools):
        tools.say("preparing loudly")
        return replace(super().prepare(work, tools), environment="loud", image="loud:1")

    def start(self, work, ready, output):
        greeting = shlex.quote(work.request.backend_config["greeting"])
        point = replace(work.entry_point, command=f"echo {greeting}; {work.entry_point.command}")
        return super().start(replace(work, entry_point=point), ready, output)
"""


def test_a_plugin_is_found_by_its_entry_point(launcher: Launcher, server: Server, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    about = installed / "loud-1.dist-info"
    about.mkdir(parents=True)
    (installed / "loud.py").write_text(PLUGIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[trackstream.project_backends]\nloud = loud:Loud\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.sh").write_text("echo and on\n")
    launcher.variables["PYTHONPATH"] = str(installed)

    arguments = ("run", str(project), "-e", "main.sh", "--backend", "loud")
    assert "a greeting" in launcher.command(*arguments, code=2)
    shown = launcher.command(*arguments, "--backend-config", '{"greeting": "HELLO THERE"}')
    assert shown.splitlines()[-2:] == ["HELLO THERE", "and on"]
    assert "preparing loudly" in shown
    (launch,) = server.call("GET", "/api/v1/launches", params={"limit": 1})["launches"]
    assert (launch["backend"], launch["environment"], launch["image"]) == ("loud", "loud", "loud:1")
    assert launch["backend_config"] == '{"greeting": "HELLO THERE"}'
