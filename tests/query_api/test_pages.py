"""The pages for browsers: they name what there is, and load nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from trackstream_api.openapi_page import openapi_page

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

LOADS = {"script", "link", "img", "iframe", "object", "embed", "audio", "video", "base"}


class Page(HTMLParser):
    """The elements and the addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(server: LiveServer, path: str) -> Page:
    answer = server.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    found = Page(answer.text)
    assert not found.elements & LOADS
    assert not [link for link in found.links if "//" in link]
    return found


def test_the_root_says_where_to_go(server: LiveServer) -> None:
    root = page(server, "/")
    said = "".join(root.texts)
    assert f"export TRACKSTREAM_URI={server.url}\n" in said
    assert "trackstream runs describe RUN_ID" in said
    assert str(server.directory) in said
    for link in root.links:
        assert server.client.get(f"/{link}").status_code == 200, link


def test_the_description_has_every_route_and_needs_no_other_site(server: LiveServer) -> None:
    said = "".join(page(server, "/docs").texts)
    document = server.call("GET", "/openapi.json")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in said
            assert operation["summary"] in said
    assert "run_id" in said


@pytest.mark.parametrize("tag", ["a", None])
def test_what_the_document_says_cannot_break_the_page(tag: str | None) -> None:
    evil = "<script>alert(1)</script>"
    operation = {"summary": evil, "description": evil, "parameters": [], "responses": {}}
    document = {
        "info": {"title": evil, "version": "1", "description": evil},
        "paths": {f"/{evil}": {"get": operation | ({"tags": [evil]} if tag else {})}},
    }
    text = openapi_page(document)
    assert not Page(text).elements & LOADS
    assert len(re.findall("&lt;script&gt;", text)) >= 5
