"""Real XRootD servers on loopback: plain, with grid certificates, or throttled.

    with xrootd(folder, tmp_path) as server:
        uproot.open(server.url("small.root"))

Each serves a folder read-only on a free port and leaves nothing running. Tests that use one are
marked with `needs_xrootd`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grid_authority import Authority

__all__ = ["XRootDServer", "free_port", "needs_xrootd", "xrootd"]

needs_xrootd = pytest.mark.skipif(
    shutil.which("xrootd") is None or find_spec("XRootD") is None,
    reason="needs the xrootd program (apt-get install xrootd-server) and the extra xrootd",
)

START_SECONDS = 10.0
ATTEMPTS = 3

_COMMON = """\
xrd.port {port}
xrd.allow host localhost
all.role server
all.export / r/o
oss.localroot {folder}
all.adminpath {state}
all.pidpath {state}
"""
_CHECKSUMS = "xrootd.chksum max 2 adler32\n"
_THROTTLED = "xrootd.fslib libXrdThrottle.so default\nthrottle.throttle data {rate}\n"
_GSI = """\
xrootd.seclib libXrdSec.so
sec.protparm gsi -certdir:{certificates} -cert:{certificate} -key:{key} -crl:0 -gmapopt:10
sec.protocol gsi
sec.protbind * only gsi
"""


@dataclass
class XRootDServer:
    """A server that can be killed, started again on its port, stopped and continued."""

    configuration: Path
    log: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def pid(self) -> int:
        """The process of the server."""
        return self.process.pid

    def url(self, name: str) -> str:
        """Returns the URL of a file of the served folder."""
        # By name, since the host certificate of the kind "gsi" is for `localhost`.
        return f"root://localhost:{self.port}//{name}"

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        self.process = subprocess.Popen(
            [*_as_ordinary_user(), "xrootd", "-I", "v4", "-c", str(self.configuration),
             "-l", str(self.log), "-n", "tests"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.configuration.parent,
            start_new_session=True,
        )  # fmt: skip
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit and not self._has_failed():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        self.kill()
        message = f"xrootd did not start: {self.messages()[-3000:]}"
        raise RuntimeError(message)

    def kill(self) -> None:
        """Kills the server at once, as a crash does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Kills the server if it runs, and starts it again on the same port."""
        self.kill()
        self.start()

    def stop_signal(self) -> None:
        """Stops the process: connections stay open and nothing answers."""
        os.killpg(self.pid, signal.SIGSTOP)

    def cont(self) -> None:
        """Lets a stopped process go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def messages(self) -> str:
        """Returns what the server has logged."""
        # With -n, xrootd puts its log into a folder of this name.
        return "".join(path.read_text(errors="replace") for path in self._logs())

    def _has_failed(self) -> bool:
        # It says so some seconds before it ends.
        return self.process.poll() is not None or "initialization failed" in self.messages()

    def _logs(self) -> list[Path]:
        return sorted(path for path in self.log.parent.rglob(self.log.name) if path.is_file())


@contextlib.contextmanager
def xrootd(
    folder: Path,
    tmp: Path,
    kind: Literal["plain", "gsi", "throttled"] = "plain",
    *,
    authority: Authority | None = None,
    rate: int = 2_000_000,
    checksums: bool = False,
    extra: str = "",
) -> Iterator[XRootDServer]:
    """Serves a folder; the server is gone when this ends.

    Args:
        folder: What `server.url(name)` is in.
        tmp: A folder for the server's own files; one for several servers will do.
        kind: `gsi` lets only those in who have a proxy.
        authority: Signs the host certificate of `gsi`, and has signed the users' proxies.
        rate: Bytes per second of `throttled`.
        checksums: Answers `xrdfs query checksum` with adler32.
        extra: More lines of the configuration.
    """
    # XRootD's sockets need a short path, and the server runs as an ordinary user.
    home = Path(tempfile.mkdtemp(prefix="xrd"))
    try:
        text = _COMMON + (_CHECKSUMS if checksums else "") + extra
        names = {"folder": folder, "state": home}
        if kind == "throttled":
            text += _THROTTLED
            names["rate"] = rate
        elif kind == "gsi":
            if authority is None:
                message = "kind 'gsi' needs an authority"
                raise ValueError(message)
            text += _GSI
            certificate, key = authority.host_certificate(home)
            # A copy that the user of the server owns: it asks with access(2), where rights to
            # read everything do not count.
            trusted = shutil.copytree(authority.folder, home / "trusted")
            names |= {"certificates": trusted, "certificate": certificate, "key": key}
        server = _started(text, names, Path(tempfile.mkdtemp(dir=tmp, prefix="xrootd-")), home)
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    """Returns a port of the loopback address on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _started(text: str, names: dict[str, object], logs: Path, home: Path) -> XRootDServer:
    for attempt in range(ATTEMPTS):
        port = free_port()
        configuration = home / "xrootd.cfg"
        configuration.write_text(text.format(port=port, **names))
        _give_away(home, logs)
        server = XRootDServer(configuration, logs / "xrootd.log", port)
        try:
            server.start()
        except RuntimeError:
            # Somebody else may have taken the port in the meantime.
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return server
    raise AssertionError


def _as_ordinary_user() -> list[str]:
    """Returns the command before `xrootd`, which refuses to run as root.

    The folders of pytest are closed to others, so that user may read everything.
    """
    if os.getuid() != 0:
        return []
    user = _ordinary_user()
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
            "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]  # fmt: skip


def _give_away(*folders: Path) -> None:
    if os.getuid() == 0:
        user = _ordinary_user()
        for folder in folders:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)


def _ordinary_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("xrootd")
    except KeyError:
        return pwd.getpwnam("nobody")
