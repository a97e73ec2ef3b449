"""Files of the folder that is shown, whole or in ranges, as downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse
from starlette.routing import Route

from tau3mu.errors import InputError
from tau3mu.web.paths import confined

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_SHOWN: Final = {".json": "application/json", ".log": "text/plain", ".pdf": "application/pdf"}
_SHOWN.update({".png": "image/png", ".txt": "text/plain", ".jsonl": "text/plain"})


def file(request: Request) -> Response:
    """Returns a file; a browser shows what cannot run scripts, and saves the rest."""
    path = confined(request.app.state.site.root, request.path_params["path"])
    if not path.is_file():
        message = f"{request.path_params['path']!r} is not a file"
        raise InputError(message, code="web.not-found", path=request.path_params["path"])
    kind = _SHOWN.get(path.suffix)
    how = "inline" if kind and "download" not in request.query_params else "attachment"
    return FileResponse(
        path,
        filename=path.name,
        media_type=kind or "application/octet-stream",
        content_disposition_type=how,
        headers={"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'none'"},
    )


routes: Final = [Route("/file/{path:path}", file)]
