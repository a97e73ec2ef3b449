"""An HTTP server that can misbehave in the ways that file servers do."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

PAGE = b"<!DOCTYPE html><html><script>alert(1)</script>" + b"<p>Please log in</p>" * 100


class Handler(BaseHTTPRequestHandler):
    """Serves the files of a folder; the folder in the URL says how it misbehaves.

    - `403`, `503`, ...: answers with this status; `503_twice`: to the first two requests for a
      file; `503_after_5`: from the sixth request for a file on.
    - `slow`: waits two seconds; `hang`: never answers; `hang_after_5`.
    - `no_ranges`: sends whole files always; `breaks_off`: sends 100 bytes of the many announced;
      `short`: announces and sends half of what was asked for; `short_after_5`.
    - `page`: answers with a page of HTML and status 200.
    """

    folder: Path
    requests: Counter[str]
    closing: Event

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        manner, _, name = self.path.strip("/").rpartition("/")
        self.requests[self.path] += 1
        count = self.requests[self.path]
        if found := re.fullmatch(r"(.+)_after_(\d+)", manner):
            manner = found[1] if count > int(found[2]) else ""
        elif found := re.fullmatch(r"(.+)_twice", manner):
            manner = found[1] if count <= 2 else ""
        if manner == "slow":
            time.sleep(2)
        elif manner == "hang":
            self.closing.wait()
            return
        if manner.isdecimal() or not (self.folder / name).is_file():
            self.send_error(int(manner or 404))
            return
        self._send((self.folder / name).read_bytes() if manner != "page" else PAGE, manner)

    def _send(self, content, manner):
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = slice(None)
        if asked and manner not in {"no_ranges", "page"}:
            start, stop = int(asked[1]), int(asked[2]) + 1
            if manner == "short":
                stop = (start + stop) // 2
            part = slice(start, stop)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        else:
            self.send_response(200)
        if manner == "page":
            self.send_header("Content-Type", "text/html")
        elif manner != "no_ranges":
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content[part])))
        self.end_headers()
        if self.command == "GET":
            body = content[part][: 100 if manner == "breaks_off" else None]
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)


@contextmanager
def misbehaving_server(
    folder: Path, context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, Counter[str]]]:
    """Serves a folder; gives the address of the server and the number of requests by path."""
    requests, closing = Counter(), Event()
    facts = {"folder": folder, "requests": requests, "closing": closing}
    handler = type("HandlerOfFolder", (Handler,), facts)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        if context is not None:
            running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        protocol = "http" if context is None else "https"
        try:
            yield f"{protocol}://localhost:{running.server_port}", requests
        finally:
            closing.set()
            running.shutdown()
