"""The documentation as a site: built as `make docs` does, and then walked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
# Attributes that a browser loads by itself; an address in another one waits for a click.
LOADED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("object", "data"),
    ("link", "href"),
}


class Page(HTMLParser):
    """What a page loads, where its links lead, and which places in it can be named."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attributes}
        self.loaded += [value for name, value in known.items() if (tag, name) in LOADED]
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        if "id" in known:
            self.names.add(known["id"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"run: make docs\n{done.stdout}{done.stderr}"
    assert "WARNING" not in done.stderr
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    found = {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}
    assert len(found) > 20
    return found


def elsewhere(address: str) -> bool:
    return address.startswith("//") or urlsplit(address).scheme in ("http", "https", "ws", "wss")


def test_every_page_of_the_folder_is_in_the_site(site: Path, pages: dict[Path, Page]) -> None:
    sources = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    wanted = {site / str(path.with_suffix(".html")).replace("README", "index") for path in sources}
    assert set(pages) == wanted


def test_the_navigation_names_each_page_once() -> None:
    named = re.findall(
        r"^ +- [^:]+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(named) > 15
    assert sorted(named) == sorted(set(named))


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    loaded = {f"{path.name}: {address}" for path, page in pages.items() for address in page.loaded}
    assert any("bundle" in address for address in loaded)
    assert [address for address in sorted(loaded) if elsewhere(address.partition(": ")[2])] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    fetched = [
        *re.findall(r"url\([\"']?([^)\"']+)", styles),
        *re.findall(r"@import\s+[\"']([^\"']+)", styles),
    ]
    assert [address for address in fetched if elsewhere(address)] == []


def test_links_lead_to_places_that_are_there(pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links:
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            there = (path.parent / unquote(target.path)).resolve() if target.path else path
            there = there / "index.html" if there.is_dir() else there
            named = (
                not target.fragment or there not in pages or unquote(target.fragment) in pages[there].names
            )
            if not there.exists() or not named:
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_every_page_can_be_reached_from_the_first(site: Path, pages: dict[Path, Page]) -> None:
    reached: set[Path] = set()
    waiting = [site / "index.html"]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        inner = [urlsplit(link).path for link in pages[path].links if not elsewhere(link)]
        places = [(path.parent / unquote(link)).resolve() for link in inner if link]
        waiting += [place / "index.html" if place.is_dir() else place for place in places]
        waiting = [place for place in waiting if place in pages]
    assert reached == set(pages)


def test_lists_and_tables_are_not_taken_for_text(pages: dict[Path, Page]) -> None:
    # The repository's host begins a list or a table within a paragraph; MkDocs wants an empty line before.
    taken = re.compile(r"<p>(?:[^<]|<(?!/p>))*?\n(?:\* |- |\d+\. |\|)")
    assert [path.name for path, page in pages.items() if taken.search(page.text)] == []
