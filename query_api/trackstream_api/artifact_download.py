"""An artifact's content as an HTTP answer: ranges, ETag, and headers that keep a browser from running it."""

from __future__ import annotations

import mimetypes
import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from trackstream_api.byte_ranges import ByteRange, Unsatisfiable, requested_range
from trackstream_schemas.errors import StorageFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trackstream_api.queries.artifacts import ArtifactFile
    from trackstream_schemas.blobs import BlobStore

_MIME = re.compile(r"[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?", re.ASCII)
# What a browser would run in the server's own origin.
_ACTIVE = re.compile(r"html|svg|xml|javascript|ecmascript|pdf|flash", re.IGNORECASE)
# What a browser can show within the sandbox below. Scripts are not among them: another page of this origin
# could load them.
_SHOWN = re.compile(r"(text/(html|plain)|image/svg\+xml|(image|audio|video)/[\w.-]+)\b", re.IGNORECASE)
_POLICY = "sandbox; default-src 'none'"
_SHOWN_POLICY = f"{_POLICY}; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:"


def download(
    blobs: BlobStore,
    file: ArtifactFile,
    request: Mapping[str, str],
    head_only: bool,
    *,
    is_current: bool,
    inline: bool = False,
) -> Response:
    """Answer a GET (or HEAD) with these request headers, names in lower case.

    With `inline` a browser shows what it can, in a sandbox: without scripts, in an origin of its own, without
    anything from elsewhere. Whatever it cannot show so stays an attachment.

    Where the content is not in the blob store: raises StorageFailed if all that is on the log has been
    projected (`is_current`), so that waiting cannot help, and otherwise Unavailable.
    """
    etag = f'"{file.sha256}"'
    name = quote(posixpath.basename(file.path), safe="")
    shown = shown_type(file) if inline else None
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
        "Content-Security-Policy": _SHOWN_POLICY if shown else _POLICY,
        "X-Content-Type-Options": "nosniff",
    }
    if etag in request.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if request.get("if-range", etag) == etag:
        try:
            part = requested_range(request.get("range"), file.size)
        except Unsatisfiable:
            headers["Content-Range"] = f"bytes */{file.size}"
            return Response(status_code=416, headers=headers)
    else:
        part = None
    stored = blobs.find(file.sha256)
    if stored is None:
        which = f"the content of {file.path!r} (sha256 {file.sha256})"
        if not is_current:
            raise Unavailable(f"{which} is not in the blob store yet")
        raise StorageFailed(
            f"{which} is missing from the blob store, although everything on the log is projected: it was"
            " removed there, or its upload was given up (`trackstream dead-letters list`)"
        )
    headers["Content-Length"] = str(part.length if part else file.size)
    if part:
        headers["Content-Range"] = f"bytes {part.start}-{part.start + part.length - 1}/{file.size}"
    status = 206 if part else 200
    kind = shown or media_type(file.content_type)
    if head_only:
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(_pieces(blobs, file.sha256, part), status, headers, kind)


def media_type(logged: str) -> str:
    """Return the Content-Type to answer with: the logged one, unless it is malformed or can carry scripts."""
    return logged if _MIME.fullmatch(logged) and not _ACTIVE.search(logged) else "application/octet-stream"


def shown_type(file: ArtifactFile) -> str | None:
    """Return the Content-Type under which a browser can show a file; None where it cannot.

    Where none was logged the name tells.
    """
    logged = file.content_type or mimetypes.guess_type(file.path)[0] or ""
    return logged if _MIME.fullmatch(logged) and _SHOWN.match(logged) else None


def _pieces(blobs: BlobStore, sha256: str, part: ByteRange | None) -> Iterator[bytes]:
    """Yield the content one piece late: a wrong digest, noticed at the end, then breaks the answer off
    before it is whole, so that the client sees the failure."""
    pieces = blobs.open(sha256) if part is None else blobs.open(sha256, part.start, part.length)
    held: bytes | None = None
    for piece in pieces:
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held
