"""Files of the folder that is shown, whole or in ranges: shown if they are harmless, or saved."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from tau3mu.errors import InputError
from tau3mu.web.headers import FILE_POLICY
from tau3mu.web.paths import confined

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["routes"]

_TEXTS: Final = (".csv", ".json", ".jsonl", ".log", ".py", ".toml", ".tsv", ".txt", ".yaml", ".yml")
_SHOWN: Final = dict.fromkeys(_TEXTS, "text/plain") | {".png": "image/png"}
"""What a browser shows; all else it saves: it could run scripts, or would be shown by a program."""
_FRESH: Final = {"Cache-Control": "private, no-cache"}  # asked again, with its ETag


def file(request: Request) -> Response:
    """Returns a file; with `?download` to be saved, whatever it is.

    Args:
        request: With the path of a file below the root of the site.

    Raises:
        InputError: There is no such file, or it cannot be read.
    """
    asked = request.path_params["path"]
    path = confined(request.app.state.site.root, asked)
    if not path.is_file() or not os.access(path, os.R_OK):
        message = f"{asked!r} is not a file that can be read"
        raise InputError(message, code="web.not-found", path=asked)
    kind = _SHOWN.get(path.suffix.lower())
    how = "inline" if kind and "download" not in request.query_params else "attachment"
    answer = _Snapshot(
        path,
        filename=Path(asked).name,
        media_type=kind or "application/octet-stream",
        content_disposition_type=how,
        headers={"Content-Security-Policy": FILE_POLICY, **_FRESH},
        stat_result=path.stat(),
    )
    return _if_changed(request, answer)


def style(request: Request) -> Response:
    """Returns the styles that pages and reports share.

    Args:
        request: What was asked.
    """
    path = str(files("tau3mu.report") / "style.css")
    answer = FileResponse(path, headers=_FRESH, stat_result=Path(path).stat())
    return _if_changed(request, answer)


class _Snapshot(FileResponse):
    """A file at the size that it had when it was asked for: the log of a run grows meanwhile."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left = 0

        async def limited(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                left = int(Headers(raw=message["headers"]).get("content-length", 0))
            else:
                message["body"] = message["body"][:left]
                left -= len(message["body"])
            await send(message)

        await super().__call__(scope, receive, limited)


class _Static(StaticFiles):
    """Files of the package, which a browser keeps and asks for again with their ETag."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope,
        status_code: int = 200,
    ) -> Response:  # fmt: skip
        answer = super().file_response(full_path, stat_result, scope, status_code)
        answer.headers.update(_FRESH)
        return answer


def _if_changed(request: Request, answer: Response) -> Response:
    """Returns an answer, or that a browser has it already."""
    known = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return NotModifiedResponse(answer.headers) if answer.headers["etag"] in tags else answer


routes: Final = [
    Route("/file/{path:path}", file),
    Route("/style.css", style),
    Mount("/static", _Static(packages=[("tau3mu.web", "static")])),
]
