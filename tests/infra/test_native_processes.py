"""Processes known by pid and start time, and what a stack remembers of them."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from trackstream_api.native import install, process, stack, state
from trackstream_api.native.errors import InstallFailed, StartFailed, ToolMissing
from trackstream_api.native.process import ProcessId
from trackstream_schemas.errors import InvalidInput, NotFound, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ProcessId]:
    started = process.spawn(FOREVER, tmp_path / "log", {}, tmp_path)
    yield started
    started.kill()


def test_a_process_is_stopped(sleeper: ProcessId) -> None:
    assert sleeper.running()
    assert sleeper.stop(30)
    assert not sleeper.running()
    assert sleeper.stop(1)


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    log = tmp_path / "log"
    started = process.spawn([sys.executable, "-c", deaf], log, {}, tmp_path)
    process.wait_until_healthy("deaf", started, lambda: b"deaf" in log.read_bytes(), log, 30)
    assert not started.stop(0.2)
    assert not started.running()


def test_a_paused_process_is_stopped_too(sleeper: ProcessId) -> None:
    sleeper.signal(signal.SIGSTOP)
    assert sleeper.stop(30)


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(sleeper: ProcessId) -> None:
    stranger = ProcessId(sleeper.pid, sleeper.started - 60)
    assert not stranger.running()
    assert not stranger.signal(signal.SIGKILL)
    stranger.kill()
    assert sleeper.running()


def test_a_part_that_ends_while_starting_shows_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    started = process.spawn([sys.executable, "-c", "raise SystemExit('no such luck')"], log, {}, tmp_path)
    with pytest.raises(StartFailed, match=r"ended while starting.*no such luck"):
        process.wait_until_healthy("x", started, lambda: False, log, 60)


def test_a_part_that_does_not_get_healthy(sleeper: ProcessId, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="not get healthy within 0 s"):
        process.wait_until_healthy("x", sleeper, lambda: False, tmp_path / "log", 0)


def test_ports_that_are_free() -> None:
    first = process.free_port()
    assert process.bindable(first)
    assert process.free_port({first}) != first


def test_state_is_remembered_and_private(tmp_path: Path) -> None:
    first = state.State.new(3)
    first.ports["minio"] = 20_001
    first.processes["minio"] = ProcessId(12, 34.5)
    state.save(tmp_path, first)
    assert state.load(tmp_path) == first
    assert stat.S_IMODE((tmp_path / state.FILE).stat().st_mode) == 0o600
    assert state.State.new(1).minio_password != first.minio_password


def test_no_state_and_damaged_state(tmp_path: Path) -> None:
    assert state.load(tmp_path) is None
    with pytest.raises(NotFound, match="no native stack"):
        stack.attach(tmp_path)
    (tmp_path / state.FILE).write_text("{}")
    with pytest.raises(StorageFailed, match=r"stack\.json"):
        state.load(tmp_path)


@pytest.mark.parametrize(("options", "field"), [({"brokers": 2}, "brokers"), ({"parts": ["redis"]}, "parts")])
def test_what_a_stack_cannot_be(tmp_path: Path, options: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        stack.up(tmp_path, **options)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_two_installations_at_once_build_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    go = tools / "go"
    go.write_text('#!/bin/sh\nsleep 0.3\necho built >> "$COUNT"\necho program > "$GOBIN/kustomize"\n')
    go.chmod(0o755)
    monkeypatch.setenv("TRACKSTREAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    found: list[Path] = []

    def install_it() -> None:
        module = "sigs.k8s.io/kustomize/kustomize/v5"
        found.append(install.go_program(module, "v5.0.0", say=lambda _line: None))

    threads = [threading.Thread(target=install_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "count").read_text() == "built\n"
    assert {path.read_text() for path in found} == {"program\n"}
    assert len(found) == 4


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\necho half > "$GOBIN/x"\necho no network >&2\nexit 1\n')
    go.chmod(0o755)
    monkeypatch.setenv("TRACKSTREAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(InstallFailed, match="no network"):
        install.go_program("example.org/x", "v1", say=lambda _line: None)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".x-v1.lock"]


def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKSTREAM_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="java is not on the PATH"):
        install.kafka_jars(lambda _line: None)


def test_the_pinned_versions_are_those_of_compose() -> None:
    compose = (install.infra_directory().parent / "compose.yaml").read_text()
    assert f"apache/kafka:{install.kafka_version()}\n" in compose
