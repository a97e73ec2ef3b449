"""A store, its server and a browser, each of them made once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from making import Made, make
from serving import Server, Tab, open_tab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of the system, without windows."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no Chromium: install the package chromium of the system")
    api = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A store with everything in it, which tests read; who changes it, takes `copied`."""
    return make(tmp_path_factory.mktemp("page") / "made")


@pytest.fixture(scope="session")
def server(made: Made) -> Iterator[Server]:
    """The page of the store that is not changed."""
    started = Server(made.serve, made.folder)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def servers() -> Iterator[Callable[..., Server]]:
    """Starts servers, which are ended after the test."""
    started = []

    def start(words: Sequence[str], folder: Path) -> Server:
        started.append(Server(words, folder))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def tabs(browser: Browser, servers: object) -> Iterator[Callable[..., Tab]]:
    """Opens tabs on the pages of a server, and fails if anything went wrong in them.

    They are closed before the servers end, which are therefore asked for.
    """
    opened = []

    def start(server: Server, **profile: Any) -> Tab:
        opened.append(open_tab(browser, server, **profile))
        return opened[-1]

    yield start
    for tab in opened:
        tab.page.context.close()
    for tab in opened:
        tab.check()


@pytest.fixture
def tab(tabs: Callable[..., Tab], server: Server) -> Tab:
    """A tab on the page of the store."""
    return tabs(server)
