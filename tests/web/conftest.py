"""A folder with files of all kinds, and applications that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from web_site import ACCESS, ROUTES, TOKEN

from tau3mu.web import entry
from tau3mu.web.application import application
from tau3mu.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
