"""An HTTP server that can misbehave in the ways that file servers do."""

from __future__ import annotations

import contextlib
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Serves the files of a folder; the folder in the URL says how it misbehaves."""

    folder: Path

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        manner, _, name = self.path.strip("/").rpartition("/")
        if manner == "slow":
            time.sleep(2)
        if manner.isdecimal() or not (self.folder / name).is_file():
            self.send_error(int(manner or 404))
            return
        content = (self.folder / name).read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = slice(None)
        if asked and manner != "no_ranges":
            part = slice(int(asked[1]), int(asked[2]) + 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {asked[1]}-{asked[2]}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content[part])))
        self.end_headers()
        if self.command == "GET":
            body = content[part][: 100 if manner == "breaks_off" else None]
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)
