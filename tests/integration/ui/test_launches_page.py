"""The pages of launches: one is cancelled, launched again from the form, and followed to its end."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.integration.processes import TRACKSTREAM, environment
from tests.integration.ui.logging_runs import logging_to
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.integration.ui.conftest import Browse

MLPROJECT = """
name: counting
entry_points:
  main:
    parameters:
      steps: {type: int, default: 3}
      rate: {type: float, default: 0.5}
    command: "python count.py {steps} {rate}"
"""
COUNT = """
import sys, time
print("\\033[32m<b>begins</b>\\033[0m", flush=True)
for step in range(int(sys.argv[1])):
    print(f"step {step} of rate {sys.argv[2]}", flush=True)
print("ends")
"""


@pytest.fixture(scope="module")
def sent(site: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a launch that waits in the queue: a small project of this machine was sent there."""
    place = tmp_path_factory.mktemp("counting")
    (place / "MLproject").write_text(MLPROJECT)
    (place / "count.py").write_text(COUNT)
    words = ["run", str(place), "--queue", "--detach", "--env-manager", "local", "-P", "steps=2"]
    command = [str(TRACKSTREAM), *words, "--dir", site]
    variables = environment(XDG_CACHE_HOME=str(place / "cache"), XDG_STATE_HOME=str(place / "state"))
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


@pytest.fixture
def worker(site: str, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Start a worker of the queue, which ends once that is empty."""
    begun: list[subprocess.Popen[bytes]] = []
    output = tmp_path / "worker.log"

    def begin() -> None:
        command = [str(TRACKSTREAM), "launch-worker", "--drain", "--dir", site]
        variables = environment(XDG_CACHE_HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path))
        with output.open("wb") as file:
            begun.append(subprocess.Popen(command, env=variables, stdout=file, stderr=file))

    yield begin
    for process in begun:
        assert process.wait(60) == 0, output.read_text()


def test_cancel_launch_again_and_follow(
    browse: Browse, sent: str, worker: Callable[[], None], picture: Callable[[Page, str], Path]
) -> None:
    page = browse("/ui/launches?state=active")
    page.get_by_role("link", name=sent[-8:]).click()
    page.wait_for_url(f"**/ui/launches/{sent}")
    expect(page.get_by_text("It waits in the queue “default”")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel the launch?")
    dialog.get_by_label("Reason").fill("too few steps")
    dialog.get_by_role("button", name="Cancel the launch").click()
    main = page.get_by_role("main")
    expect(main.get_by_text("cancelled").first).to_be_visible()
    expect(main.get_by_text("too few steps")).to_be_visible()

    page.get_by_role("button", name="Launch again").click()
    page.wait_for_url("**/ui/start-launch**")
    expect(page.get_by_label("Entry point")).to_have_value("main")
    expect(page.get_by_label("steps")).to_have_value("2")
    page.get_by_label("steps").fill("many")
    page.get_by_role("button", name="Put into the queue").click()
    expect(page.get_by_role("alert").filter(has_text="whole number")).to_be_visible()
    page.get_by_label("steps").fill("4")
    page.get_by_label("rate").fill("0.25")
    page.get_by_label("Run's name").fill("by hand")
    picture(page, "launch-start")
    page.get_by_role("button", name="Put into the queue").click()
    page.wait_for_url(lambda url: "/ui/launches/" in url and sent not in url)
    expect(main.get_by_text("requested").first).to_be_visible()

    # The page is told of all that follows: it is not loaded again.
    page.evaluate("window.notLoadedAgain = true")
    worker()
    log = page.get_by_label("What the launch prints")
    expect(log).to_contain_text("step 3 of rate 0.25")
    expect(log).to_contain_text("<b>begins</b>")
    expect(main.get_by_text("finished").first).to_be_visible()
    expect(page.get_by_text("complete", exact=True)).to_be_visible()
    expect(log).to_contain_text("ends")
    assert page.evaluate("window.notLoadedAgain") is True
    picture(page, "launch")
    page.get_by_role("link", name=sent[-8:]).click()
    page.wait_for_url(f"**/ui/launches/{sent}")


def test_the_list_follows(browse: Browse, site: str, picture: Callable[[Page, str], Path]) -> None:
    launch_id, run_id, queue = new_id(), new_id(), f"gpu-{new_id()[-4:]}"
    page = browse(f"/ui/launches?queue={queue}", dark=True)
    expect(page.get_by_text("No such launches")).to_be_visible()
    with logging_to(site) as log:
        log(
            e.RunStarted(run_id, "0", "calm-heron", 1_760_000_000_000, "ada", {}),
            e.LaunchRequested(
                launch_id,
                run_id,
                "0",
                "https://git.invalid/team/digits.git#examples/digits",
                "train",
                "local",
                "v1.2",
                {"lr": "0.1", "note": "<script>document.title='owned'</script>"},
                queue=queue,
                max_attempts=3,
            ),
        )
        row = page.get_by_role("row").filter(has_text=launch_id[-8:])
        expect(row).to_contain_text("requested")
        log(
            e.LaunchClaimed(launch_id, "c", "node-7", 1, 3600.0),
            e.LaunchPrepared(launch_id, "c", "digits", "uv", None, "https://git.invalid/team/digits.git"),
            e.LaunchStarted(launch_id, "c", "process 1", "python train.py --lr 0.1"),
        )
        expect(row).to_contain_text("running")
        expect(row).to_contain_text("node-7")
        page.goto(f"{site}/ui/launches")
        expect(row).to_be_visible()
        picture(page, "launches-dark")
        log(e.LaunchEnded(launch_id, "c", "failed", 3, "CUDA out of memory"))
        expect(row).to_contain_text("failed")
    page.goto(f"{site}/ui/launches/{launch_id}")
    expect(page.get_by_text("CUDA out of memory")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
    expect(page.get_by_text("It has printed nothing.")).to_be_visible()
    assert page.title() != "owned"


def test_a_directory_of_another_machine_is_not_offered(
    browse: Browse, site: str, picture: Callable[[Page, str], Path]
) -> None:
    launch_id, run_id = new_id(), new_id()
    with logging_to(site) as log:
        log(
            e.RunStarted(run_id, "0", "x", 1_760_000_000_000, "ada", {}),
            e.LaunchRequested(launch_id, run_id, "0", "/home/ada/digits", "main", "local"),
        )
    page = browse(f"/ui/start-launch?retry_of={launch_id}", width=390, height=844)
    expect(page.get_by_text("Its project is a directory elsewhere")).to_be_visible()
    expect(page.get_by_text(f"trackstream launches retry {launch_id}")).to_be_visible()
    page.goto(f"{site}/ui/launches/{launch_id}")
    expect(page.get_by_text("requested").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    picture(page, "launch-phone")
