"""The page's files, from memory: no build step, and nothing from any other host."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import NamedTuple

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import Response

_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # ask each time: the answer is short where nothing has changed
}


class _File(NamedTuple):
    body: bytes
    kind: str
    etag: str


class Page:
    """The files by name; `index.html` is the page itself."""

    def __init__(self) -> None:
        folder = resources.files("client.dashboard") / "static"
        self.files: dict[str, _File] = {}
        for path in folder.iterdir():
            body = path.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
            self.files[path.name] = _File(body, _KINDS[path.name.rpartition(".")[2]], etag)

    def answer(self, request: Request, name: str) -> Response | None:
        """Return the file, or that it has not changed; none where there is no such file."""
        file = self.files.get(name)
        if file is None:
            return None
        headers = {**_HEADERS, "ETag": file.etag}
        known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
        if file.etag in known or known == ["*"]:
            return Response(status_code=304, headers=headers)
        return Response(file.body, headers=headers, media_type=file.kind)
