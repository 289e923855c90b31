"""Markdown as a tree of elements that a browser builds from names and texts: no HTML is in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

Node = str | list[Any]
"""A text, or [name, attributes, child, …]."""

_TAGS = frozenset(
    [
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "p",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "code",
        "em",
        "strong",
        "s",
        "a",
        "br",
        "hr",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
)
_LINKED = frozenset({"http", "https", "mailto"})
# HTML within the text stays text.
_PARSER = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


class MarkdownView(ui.element, component="markdown_view.js"):
    """Shows a text as Markdown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.show(text)

    def show(self, text: str) -> None:
        """Show another text."""
        self._props["nodes"] = nodes_of(text)
        self.update()


def nodes_of(text: str) -> list[Node]:
    """Return the elements that a text means.

    Links lead to web pages and mail addresses only; a picture is a link to it, since no page here asks
    another host for anything.
    """
    root: list[Any] = ["div", {}]
    open_: list[list[Any]] = [root]
    for token in _flat(_PARSER.parse(text)):
        if token.type in ("text", "html_block", "html_inline"):
            open_[-1].append(token.content)
        elif token.type == "softbreak":
            open_[-1].append("\n")
        elif token.type in ("fence", "code_block"):
            open_[-1].append(["pre", {}, ["code", {}, token.content]])
        elif token.type == "code_inline":
            open_[-1].append(["code", {}, token.content])
        elif token.type == "image":
            open_[-1].append(_link(str(token.attrGet("src") or ""), [token.content or "picture"]))
        elif token.tag not in _TAGS:
            continue
        elif token.nesting == -1:
            open_.pop()
        else:
            attributes: dict[str, Any] = {}
            if token.tag == "ol" and (start := token.attrGet("start")) is not None:
                attributes["start"] = int(start)
            made: list[Any] = [token.tag, attributes]
            if token.tag == "a":
                made = _link(str(token.attrGet("href") or ""), [])
            open_[-1].append(made)
            if token.nesting == 1:
                open_.append(made)
    return root[2:]


def _flat(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "inline":
            yield from _flat(token.children or ())
        elif not token.hidden:
            yield token


def _link(target: str, children: list[Node]) -> list[Any]:
    try:
        scheme = urlsplit(target).scheme.lower()
    except ValueError:
        scheme = ""
    if scheme not in _LINKED:
        return ["span", {}, *children]
    return ["a", {"href": target, "rel": "noopener noreferrer nofollow", "target": "_blank"}, *children]
