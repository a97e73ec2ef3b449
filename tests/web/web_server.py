"""The server as a process, and a client that keeps cookies as a browser does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Running", "running"]


@dataclass
class Running:
    """A server.

    Attributes:
        process: Its process.
        url: What it has printed.
        client: A client with the cookie.
        errors: The lines that it wrote on stderr.
    """

    process: subprocess.Popen[str]
    url: str
    client: httpx.Client
    errors: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        """The token."""
        return self.url.partition("token=")[2]

    @property
    def port(self) -> int:
        """The port."""
        port = httpx.URL(self.url).port
        assert port is not None
        return port

    def end(self, number: int = signal.SIGINT) -> int:
        """Ends it and returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def running(
    *words: str, environment: Mapping[str, str] | None = None, **client: Any
) -> Iterator[Running]:
    """Runs a server until the end of a block.

    Args:
        words: Of the command, after `python -m`.
        environment: Added to that of this process.
        client: Options of the client.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | dict(environment or {}),
    )  # fmt: skip
    errors: list[str] = []
    assert process.stdout
    assert process.stderr
    reader = threading.Thread(target=errors.extend, args=(process.stderr,), daemon=True)
    reader.start()
    try:
        url = process.stdout.readline().strip()
        assert url, (process.wait(10), reader.join(10), errors)
        with httpx.Client(follow_redirects=True, timeout=30, **client) as opened:
            opened.get(url)
            base = url.partition("?")[0]
            opened.base_url = httpx.URL(base)
            yield Running(process, url, opened, errors)
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        process.stdout.close()
        process.stderr.close()
