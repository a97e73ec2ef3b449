"""A PostgreSQL server for tests: on a socket in a folder of its own, without a port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_programs", "postgres_server"]

USER = "tau3mu"


def find_programs() -> Path | None:
    """Returns the folder of PostgreSQL's programs, None if it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # of Debian
    if found := shutil.which("postgres"):
        folders.insert(0, Path(found).resolve().parent)
    names = ("initdb", "pg_isready", "postgres")
    return next((one for one in folders if all((one / name).is_file() for name in names)), None)


def _someone() -> dict[str, Any]:
    """Returns as whom it runs: initdb refuses root, whom the package gives the user postgres."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def postgres_server(programs: Path) -> Iterator[str]:
    """Yields the folder of the socket of a server that lasts as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # names of sockets have to be short
    someone = _someone()
    if someone:
        os.chown(folder, someone["user"], someone["group"])
    how: dict[str, Any] = {"cwd": folder, "env": {"LC_ALL": "C.UTF-8"}, **someone}
    try:
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-N"],
            check=True, capture_output=True, **how,
        )  # fmt: skip
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [
                    programs / "postgres", "-D", folder / "data", "-k", folder,
                    "-c", "listen_addresses=", "-c", "fsync=off",
                ],
                stdout=log, stderr=log, **how,
            )  # fmt: skip
        try:
            _wait(server, programs, folder)
            yield str(folder)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing is kept
            server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: subprocess.Popen[bytes], programs: Path, folder: Path) -> None:
    end = time.monotonic() + 60
    ask = [programs / "pg_isready", "-q", "-h", folder]
    while subprocess.run(ask, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError((folder / "log").read_text())
        time.sleep(0.1)
