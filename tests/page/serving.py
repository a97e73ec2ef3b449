"""The page as a process, and tabs of a browser that see what goes wrong in them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["AXE", "Server", "Tab", "open_tab", "violations", "watch"]

AXE = Path(__file__).parent / "axe.min.js"
_URL = re.compile(r"http://\S+")
_VIOLATIONS = """
document.addEventListener("securitypolicyviolation",
    event => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Server:
    """A server of the page.

    Attributes:
        words: Of its command, after the options of Python.
        folder: Its working directory.
        url: With the token, as the server prints it.
    """

    words: Sequence[str]
    folder: Path
    url: str = ""
    process: subprocess.Popen[str] | None = None

    @property
    def home(self) -> str:
        """The address without the token."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/"

    def start(self) -> None:
        """Starts the process; again on the port that it had."""
        port = str(urlsplit(self.url).port or 0)
        command = [sys.executable, *self.words, "--port", port]
        self.process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self.process.stdout
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if found := _URL.search(line):
                self.url = found[0]
                return
        self.stop()
        raise AssertionError("".join(lines))

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Ends the process, and returns the rest of what it has printed."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stdout
        if self.process.stdout.closed:
            return ""
        out, _ = self.process.communicate(timeout=30)
        return out


@dataclass
class Tab:
    """A tab of a browser in a profile of its own, on the pages of a server.

    Attributes:
        page: Of playwright.
        home: The address of the server without its token.
        faults: Errors of the console and of scripts, violations of the policy, requests to others.
        allowed: Patterns of what may go wrong.
    """

    page: Page
    home: str
    faults: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def go(self, path: str = "", status: int = 200) -> Page:
        """Opens a page of the server, and waits for what is being made."""
        if status >= 400:
            self.allowed.append(f"status of {status}")
        answer = self.page.goto(urljoin(self.home, path))
        self.page.locator("meta[http-equiv=refresh]").wait_for(state="detached")
        assert answer
        assert answer.status in {status, 202}, (path, self.page.inner_text("body"))
        assert self.page.title().startswith("Error") == (status >= 400), path
        return self.page

    def check(self) -> None:
        """Fails if anything went wrong."""
        wrong = [text for text in self.faults if not self._is_allowed(text)]
        self.faults.clear()
        assert not wrong, wrong

    def _is_allowed(self, text: str) -> bool:
        return any(re.search(pattern, text) for pattern in self.allowed)


def open_tab(browser: Browser, server: Server, **profile: Any) -> Tab:
    """Opens a tab, and exchanges the token of the server for the cookie."""
    context = browser.new_context(**profile)
    context.set_default_timeout(90_000)  # pictures are drawn one by one, on a busy machine slowly
    context.add_init_script(_VIOLATIONS)
    tab = Tab(context.new_page(), server.home)
    watch(tab, context)
    tab.page.goto(server.url)
    return tab


def watch(tab: Tab, context: BrowserContext) -> None:
    """Records what goes wrong in all tabs of a profile."""
    host = urlsplit(tab.home).netloc

    def request(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != host:
            tab.faults.append(f"request to {url}")

    context.on("request", lambda asked: request(asked.url))
    context.on(
        "console",
        lambda line: (
            tab.faults.append(f"{line.text} {line.location.get('url', '')}")
            if line.type in {"error", "warning"}
            else None
        ),
    )
    context.on("weberror", lambda error: tab.faults.append(str(error.error)))


def violations(page: Page, *rules: str) -> list[str]:
    """Returns what axe finds on a page, with the elements where it does.

    Args:
        page: Of a tab.
        rules: The only ones to look at; by default all that say whether people can use it.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    asked = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _RULES}
    options = {"runOnly": asked, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{item['id']}: {node['target']} {node['html'][:200]}"
        for item in found["violations"]
        for node in item["nodes"]
    ]
