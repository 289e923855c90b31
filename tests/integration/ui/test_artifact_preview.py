"""Previews of artifacts in a browser: each kind is shown, and none of what is in them is run."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from trackstream.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page, Route

    from tests.integration.ui.conftest import Browse

    Picture = Callable[[Page, str], Path]

MLMODEL = """
flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.11.2}
  sklearn: {sklearn_version: 1.4.0}
mlflow_version: 3.17.0
model_size_bytes: 2048
signature:
  inputs: '[{"type": "double", "name": "sepal length", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
"""
CODE = 'class Net:\n    """A net."""\n\n    depth = 18  # layers\n'
LONG = "".join(f"line {number} of a long log\n" for number in range(20_000))
ROWS = "name,loss\n" + "".join(f"run {number},{1 / (number + 1):.7f}\n" for number in range(1500))
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60"><rect width="80" height="60"/>{}</svg>'
SCRIPT = "<script>window.pwned = 1; parent.pwned = 2; top.pwned = 3</script>"
HOSTILE_PAGE = (
    f"<h1>Report</h1>{SCRIPT}<img src=x onerror='parent.pwned = 4'><a href='javascript:parent.pwned=5'>go</a>"
    "<form action='/api/v1/runs'><button>send</button></form>"
    "<meta http-equiv='refresh' content='0;url=/ui/sql'>"
)


def png(width: int, height: int) -> bytes:
    """Return a picture in one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x31\x57\xd5" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def wav() -> bytes:
    """Return a tenth of a second of silence."""
    data = bytes(1600)
    sizes = struct.pack(
        "<I4s4sIHHIIHH4sI", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", 1600
    )
    return b"RIFF" + sizes + data


@pytest.fixture(scope="module")
def client(site: str) -> Iterator[Client]:
    """Logs to the site's server."""
    made = Client(site)
    yield made
    made.close(60)


@pytest.fixture(scope="module")
def run_id(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run with files of every kind."""
    folder = tmp_path_factory.mktemp("files")
    files: dict[str, str | bytes] = {
        "config/settings.json": json.dumps(
            {"deep": {"list": list(range(250)), "text": "<b>x</b>"}, "none": None}
        ),
        "config/odd.json": '{"loss": NaN}',
        "data/rows.csv": ROWS,
        "docs/readme.md": f"# Title\n\nSome *text*.\n\n{SCRIPT}\n\n[x](javascript:parent.pwned=6)\n",
        "empty.txt": "",
        "log.txt": LONG,
        "model/MLmodel": MLMODEL,
        "model/model.pkl": b"\x80\x04\x95\x00pickle" * 10,
        "net.py": CODE,
        "plots/curve.png": png(320, 200),
        "plots/hostile.svg": SVG.format(f"{SCRIPT}<image href='https://evil.example/a.png'/>"),
        "report.html": HOSTILE_PAGE,
        "silence.wav": wav(),
        "tables/:hostile.csv": "\n".join(
            [":pwn,<img src=x onerror='window.pwned=7'>,c2", "window.pwned=8,x,1"]
        ),
    }
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    run = client.create_run(run_name="files")
    run.log_artifacts(folder)
    run.end("FINISHED")
    assert client.flush(60)
    return run.run_id


def opened(browse: Browse, run_id: str, path: str = "", **options: bool | int) -> tuple[Page, Locator]:
    """Return the page and its preview."""
    page = browse(f"/ui/runs/{run_id}?tab=artifacts&path={path}", **options)  # type: ignore[arg-type]
    return page, page.get_by_role("region", name="Preview")


def choose(page: Page, path: str) -> None:
    """Open the tree down to a file, and the file."""
    *directories, name = path.split("/")
    for directory in directories:
        row = page.get_by_role("treeitem", name=directory, exact=False).first
        if row.get_attribute("aria-expanded") == "false":
            row.click()
    page.get_by_role("treeitem", name=name).click()


def test_each_kind_is_shown(browse: Browse, picture: Picture, run_id: str) -> None:
    page, preview = opened(browse, run_id)
    expect(page.get_by_text("Choose a file")).to_be_visible()
    choose(page, "plots/curve.png")
    image = preview.get_by_role("img", name="curve.png")
    expect(image).to_be_visible()
    page.wait_for_function("document.querySelector('img[alt=\"curve.png\"]').naturalWidth === 320")
    assert "path=plots%2Fcurve.png" in page.url
    picture(page, "artifact-picture")
    choose(page, "net.py")
    expect(preview.locator(".is-keyword").first).to_have_text("class")
    choose(page, "log.txt")
    expect(preview).to_contain_text("The first 256.0 KiB of")
    expect(preview).not_to_contain_text("line 19999 ")
    choose(page, "config/settings.json")
    expect(preview.get_by_text("[ 250 ]")).to_be_visible()
    preview.get_by_text("[ 250 ]").click()
    preview.get_by_role("button", name="Show 100 more").click()
    expect(preview.get_by_text("199: 199")).to_be_visible()
    expect(preview.get_by_text('"<b>x</b>"')).to_be_visible()
    picture(page, "artifact-json")
    choose(page, "config/odd.json")
    expect(preview).to_contain_text('{"loss": NaN}')
    choose(page, "data/rows.csv")
    expect(preview).to_contain_text("The first 1,000 rows")
    expect(preview.get_by_role("gridcell", name="run 0", exact=True)).to_be_visible()
    preview.get_by_role("columnheader", name="loss").click()
    expect(preview.get_by_role("gridcell", name="run 999", exact=True)).to_be_visible()
    picture(page, "artifact-table")
    choose(page, "docs/readme.md")
    expect(preview.get_by_role("heading", name="Title")).to_be_visible()
    expect(preview).to_contain_text("<script>")
    choose(page, "model/MLmodel")
    expect(preview).to_contain_text("python_function, sklearn")
    expect(preview.get_by_role("table", name="Takes")).to_contain_text("sepal length")
    expect(preview).to_contain_text(f'mlflow.pyfunc.load_model("runs:/{run_id}/model")')
    picture(page, "artifact-model")
    choose(page, "model/model.pkl")
    expect(preview).to_contain_text("There is no preview of such files")
    choose(page, "silence.wav")
    page.wait_for_function("document.querySelector('audio').duration > 0.09")
    choose(page, "empty.txt")
    expect(preview).to_contain_text("This file is empty")
    with page.expect_download() as download:
        preview.get_by_role("link", name="Download empty.txt").click()
    assert download.value.suggested_filename == "empty.txt"
    page.reload()
    expect(preview).to_contain_text("This file is empty")


def test_the_tree_is_walked_with_keys(browse: Browse, picture: Picture, run_id: str) -> None:
    page, preview = opened(browse, run_id, width=390, height=844, dark=True)
    page.get_by_role("treeitem").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("treeitem", name="odd.json")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(preview).to_contain_text('{"loss": NaN}')
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("treeitem", name="odd.json")).to_have_count(0)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
    picture(page, "artifacts-phone-dark")
    page, preview = opened(browse, run_id, "no/such.txt")
    expect(preview).to_contain_text("The run has no artifact 'no/such.txt'")


def test_no_preview_runs_what_is_in_a_file(browse: Browse, site: str, run_id: str) -> None:
    # What the sandbox has kept from running is said on the console.
    browse.forgiven += [
        "Blocked script execution",
        "Blocked form submission",
        "Refused to execute the redirect",
    ]
    # Playwright tells of requests that the policy stops, too; none gets as far as the network.
    browse.forgiven += ["Content Security Policy", "request to another host: https://evil.example"]
    page, preview = opened(browse, run_id, "report.html")
    gone_out: list[str] = []

    def caught(route: Route) -> None:
        gone_out.append(route.request.url)
        route.abort()

    page.context.route("https://evil.example/**", caught)
    frame = preview.locator("iframe")
    expect(frame).to_have_attribute("sandbox", "")
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="Report")).to_be_visible()
    inside.get_by_role("link", name="go").click()
    inside.get_by_role("button", name="send").click()
    expect(inside.get_by_role("heading", name="Report")).to_be_visible()
    choose(page, "plots/hostile.svg")
    page.wait_for_function("document.querySelector('img[alt=\"hostile.svg\"]').naturalWidth === 80")
    choose(page, "tables/:hostile.csv")
    expect(preview.get_by_role("columnheader", name=":pwn")).to_be_visible()
    expect(preview.get_by_role("gridcell", name="window.pwned=8")).to_be_visible()
    choose(page, "docs/readme.md")
    expect(preview.get_by_role("heading", name="Title")).to_be_visible()
    assert preview.locator(".ts-markdown script, .ts-markdown a").count() == 0
    assert page.evaluate("window.pwned") is None
    # Opened by themselves they are in the same sandbox: an origin of their own, without scripts.
    for path in ("report.html", "plots/hostile.svg"):
        page.goto(f"{site}/api/v1/runs/{run_id}/artifacts/content?inline=true&path={path}")
        expect(page.locator("h1, rect").first).to_be_visible()
        assert page.evaluate("window.pwned") is None
        assert page.evaluate("window.origin") == "null"
    assert gone_out == []
