"""How an artifact is shown, by its name and type. Pure functions."""

from __future__ import annotations

import posixpath
from typing import Literal

Kind = Literal["picture", "page", "sound", "film", "markdown", "json", "table", "model", "text", "unknown"]

_BY_SUFFIX: dict[str, Kind] = {
    **dict.fromkeys(["png", "jpg", "jpeg", "gif", "webp", "bmp", "ico", "avif", "svg"], "picture"),
    **dict.fromkeys(["html", "htm"], "page"),
    **dict.fromkeys(["wav", "mp3", "ogg", "oga", "flac", "m4a", "opus"], "sound"),
    **dict.fromkeys(["mp4", "webm", "mov", "m4v", "ogv"], "film"),
    **dict.fromkeys(["md", "markdown"], "markdown"),
    "json": "json",
    **dict.fromkeys(["csv", "tsv"], "table"),
    **dict.fromkeys(
        [
            "txt",
            "log",
            "py",
            "yaml",
            "yml",
            "toml",
            "ini",
            "cfg",
            "sh",
            "sql",
            "js",
            "ts",
            "css",
            "xml",
            "rst",
            "ipynb",
            "jsonl",
            "diff",
        ],
        "text",
    ),
    **dict.fromkeys(
        [
            "c",
            "h",
            "cc",
            "cpp",
            "hpp",
            "rs",
            "go",
            "java",
            "kt",
            "scala",
            "r",
            "jl",
            "m",
            "lua",
            "rb",
            "pl",
            "proto",
            "tex",
            "bib",
        ],
        "text",
    ),
}
_BY_NAME: dict[str, Kind] = {
    "mlmodel": "model",
    **dict.fromkeys(("mlproject", "dockerfile", "makefile", "license", "readme", "requirements"), "text"),
}
_BY_TYPE: dict[str, Kind] = {
    "text/html": "page",
    "text/markdown": "markdown",
    "text/csv": "table",
    "text/tab-separated-values": "table",
    "application/json": "json",
}
_BY_FAMILY: dict[str, Kind] = {"image": "picture", "audio": "sound", "video": "film", "text": "text"}


def kind_of(path: str, content_type: str | None) -> Kind:
    """Return how to show a file; "unknown" is for its content to tell."""
    name = posixpath.basename(path).lower()
    stem, _, suffix = name.rpartition(".")
    found = _BY_NAME.get(name) or (_BY_SUFFIX.get(suffix) if stem or name.startswith(".") else None)
    if found is not None:
        return found
    type_ = (content_type or "").partition(";")[0].strip().lower()
    return _BY_TYPE.get(type_) or _BY_FAMILY.get(type_.partition("/")[0], "unknown")


def text_in(content: bytes, is_whole: bool) -> str | None:
    """Return the text that bytes are, or None. Of a beginning, a character that is cut off is left out."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    if b"\x00" in content:
        return None
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        if not is_whole and error.end == len(content) and len(content) - error.start < 4:
            return content[: error.start].decode()
        # Old European text, which any bytes could be: only without control characters.
        if any(byte < 9 or 13 < byte < 27 for byte in content):
            return None
        return content.decode("cp1252", "replace")
