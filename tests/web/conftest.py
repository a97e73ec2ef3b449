"""A folder with files of all kinds, and applications that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tau3mu.errors import InputError, RunError
from tau3mu.web import entry
from tau3mu.web.application import application
from tau3mu.web.forms import form
from tau3mu.web.rendering import page, redirect
from tau3mu.web.security import Access
from tau3mu.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

TOKEN = "a token of some length"
ACCESS = Access(TOKEN, hosts=frozenset({"localhost", "127.0.0.1", "::1"}), cookie="tau3mu_1")


def asked(request: Request) -> Response:
    """Returns what was asked, and an address of another page."""
    return PlainTextResponse(f"{request.url.path} {redirect(request, 'x').headers['location']}")


def changed(request: Request) -> Response:
    """Returns the fields of a form."""
    return PlainTextResponse(repr(sorted(form(request).items())))


def failing(request: Request) -> Response:
    """Raises the error that is asked for."""
    errors: dict[str, Exception] = {
        "input": InputError("what is wrong", code="here.wrong"),
        "missing": InputError("there is none", code="here.missing"),
        "conflict": InputError("it runs already", code="here.runs"),
        "run": RunError("it went wrong", code="here.failed"),
        "busy": RunError("too much", code="web.busy"),
        "gone": FileNotFoundError(2, "No such file", "/root/trains/0001"),
        "denied": PermissionError(13, "Permission denied", "/root/trains/0001"),
        "defect": ZeroDivisionError("a secret of the code"),
    }
    raise errors[request.path_params["kind"]]


async def events(_: Request) -> Response:
    """Returns events without an end."""
    import asyncio

    async def told() -> Any:
        while True:
            yield "data: one\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(told(), media_type="text/event-stream")


def shown(request: Request) -> Response:
    """Returns a page."""
    return page(request, "web/error.html", message="a page", code="")


ROUTES = [
    Route("/asked/{name:path}", asked),
    Route("/changed", changed, methods=["POST"]),
    Route("/failing/{kind}", failing),
    Route("/events", events),
    Route("/shown/{name:path}", shown),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with files, hidden ones, and links."""
    folder = tmp_path / "root"
    inner = folder / "trains" / "0001"
    inner.mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("of others")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "file.txt").write_text("of others")
    (inner / "run.json").write_text('{"a": 1}')
    (inner / "numbers.root").write_bytes(bytes(range(100)))
    (inner / "page.html").write_text("<script>alert(1)</script>")
    (inner / "plot.svg").write_text("<svg/>")
    (inner / "plot.png").write_bytes(b"\x89PNG")
    (inner / "τ→μμμ <b>.txt").write_text("a name")
    (inner / ".hidden").write_text("hidden")
    (folder / ".lock").mkdir()
    (folder / ".lock" / "pid").write_text("1")
    (folder / "out").symlink_to(tmp_path / "beside")
    (folder / "secret").symlink_to(tmp_path / "secret.txt")
    (folder / "within").symlink_to(inner)
    (folder / "within-hidden").symlink_to(inner / ".hidden")
    (folder / "circle").symlink_to(folder / "circle")
    return folder


@pytest.fixture
def site(root: Path) -> Site:
    """A site of the folder."""
    return Site(
        root=root,
        title="a site",
        routes=ROUTES,
        not_found=frozenset({"here.missing"}),
        conflicts=frozenset({"here.runs"}),
    )


@pytest.fixture
def visitor(site: Site) -> TestClient:
    """A client that needs no token."""
    return TestClient(application(site), "http://localhost", raise_server_exceptions=False)


@pytest.fixture
def stranger(site: Site, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A client without the cookie of a server that asks for the token."""
    monkeypatch.setattr(entry, "_PAUSE", 0.0)
    app = application(site, ACCESS)
    return TestClient(app, "http://localhost", follow_redirects=False)


@pytest.fixture
def friend(stranger: TestClient) -> TestClient:
    """The same client with the cookie."""
    stranger.get("/", params={"token": TOKEN})
    return stranger


@pytest.fixture
def csrf() -> str:
    """The token of forms."""
    return ACCESS.derived("form")


@pytest.fixture
def post(friend: TestClient, csrf: str) -> Callable[..., Any]:
    """Sends a form of the page, as a browser does."""

    def send(path: str = "/changed", headers: dict[str, str] | None = None, **fields: str) -> Any:
        own = {"origin": "http://localhost"} | (headers or {})
        return friend.post(path, data={"csrf": csrf} | fields, headers=own)

    return send
