"""Markdown becomes elements by name; whatever else is in it stays text."""

from __future__ import annotations

from typing import Any

import pytest

from trackstream_api.ui.components.markdown import nodes_of

ALLOWED = {"div", "span", "p", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s", "a"}
ALLOWED |= {"br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}


def test_what_people_write() -> None:
    text = "# A run\n\nIt is **good**, see `lr`\nand [this](https://example.com/a?b=c).\n\n3. x\n4. y\n"
    rel = {"rel": "noopener noreferrer nofollow", "target": "_blank"}
    assert nodes_of(text) == [
        ["h1", {}, "A run"],
        [
            "p",
            {},
            "It is ",
            ["strong", {}, "good"],
            ", see ",
            ["code", {}, "lr"],
            "\n",
            "and ",
            ["a", {"href": "https://example.com/a?b=c", **rel}, "this"],
            ".",
        ],
        ["ol", {"start": 3}, ["li", {}, "x"], ["li", {}, "y"]],
    ]


def test_tables_code_and_rules() -> None:
    table, code, rule = nodes_of("| a | b |\n| --- | --- |\n| 1 | ~~2~~ |\n\n```python\nx < 1\n```\n\n---\n")
    assert table[1:] == [
        {},
        ["thead", {}, ["tr", {}, ["th", {}, "a"], ["th", {}, "b"]]],
        ["tbody", {}, ["tr", {}, ["td", {}, "1"], ["td", {}, ["s", {}, "2"]]]],
    ]
    assert code == ["pre", {}, ["code", {}, "x < 1\n"]]
    assert rule == ["hr", {}]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<details open ontoggle=alert(1)>\n\ntext\n\n</details>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:alert(1) 'onclick=alert(1)')",
        "[x](//evil.example/a)",
        "[x](/api/v1/runs/a)",
        "![x](javascript:alert(1))",
        "![x](https://evil.example/pixel.png)",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        "<style>*{display:none}</style>",
        "[x](http://[::1)",
    ],
)
def test_nothing_but_these_elements_and_links_comes_of_a_text(text: str) -> None:
    def check(node: Any) -> None:
        if isinstance(node, str):
            return
        name, attributes, *children = node
        assert name in ALLOWED
        assert set(attributes) <= {"href", "rel", "target", "start"}
        assert attributes.get("href", "https:").startswith(("https:", "http:", "mailto:"))
        for child in children:
            check(child)

    for node in nodes_of(text):
        check(node)


def test_html_is_shown_as_it_was_written() -> None:
    assert nodes_of("<b>x</b>") == [["p", {}, "<b>x</b>"]]
