"""The options of a server, declared once for all commands that start one."""

from __future__ import annotations

import os
import secrets
import stat
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import path_of, text_of
from tau3mu.errors import InputError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

__all__ = ["PORT", "PORTS", "VARIABLE", "add_server_options", "check_installed", "token_of"]

VARIABLE: Final = "TAU3MU_TOKEN"
PORT: Final = 8765
PORTS: Final = 100
"""So many ports are tried, from `PORT` on."""
_SHORTEST: Final = 16
_LONGEST: Final = 1000


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the server.

    Args:
        parser: Of a command.
    """
    group = parser.add_argument_group("server")
    group.add_argument(
        "--host", type=text_of, default="127.0.0.1", metavar="NAME",
        help="address on which it listens (default: 127.0.0.1, this machine only)",
    )  # fmt: skip
    group.add_argument(
        "--port", type=int, metavar="N",
        help=f"port, 0 for any free one (default: the first free one from {PORT} on)",
    )  # fmt: skip
    group.add_argument(
        "--token-file", type=path_of, metavar="FILE",
        help=f"file with the token, for you alone (mode 0600; default: ${VARIABLE}, or a new token "
        "at each start)",
    )  # fmt: skip
    group.add_argument(
        "--certificate", type=path_of, metavar="FILE", help="PEM file: serve over TLS"
    )
    group.add_argument(
        "--key", type=path_of, metavar="FILE",
        help="PEM file with the key of the certificate (default: it is in the same file)",
    )  # fmt: skip
    group.add_argument(
        "--insecure", action="store_true",
        help="listen on the network without TLS: others can read the pages and the token",
    )  # fmt: skip
    group.add_argument(
        "--allow-host", type=text_of, action="append", default=[], metavar="NAME",
        help="a name under which a proxy shows the server; may be repeated",
    )  # fmt: skip


def check_installed() -> None:
    """Makes sure that the server is installed.

    Raises:
        InputError: It is not.
    """
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        message = f"the page needs {' and '.join(missing)}: pip install 'tau3mu[web]'"
        raise InputError(message, code="web.not-installed", path=missing[0])


def token_of(file: Path | None) -> str:
    """Returns the token of a file, of the environment, or a new one.

    Processes that the server starts do not get the variable.

    Args:
        file: With the token, or None.

    Raises:
        InputError: The file cannot be read, others may read it, or it has no good token.
    """
    given = os.environ.pop(VARIABLE, "").strip()
    where: object = f"${VARIABLE}"
    if file is not None:
        given, where = _read(file), file
    elif not given:
        return secrets.token_urlsafe(32)
    good = given.isascii() and given.isprintable() and not any(map(str.isspace, given))
    if not good or not _SHORTEST <= len(given) <= _LONGEST:
        message = (
            f"{where}: expected a token of {_SHORTEST} to {_LONGEST} letters, digits and signs "
            "without spaces: make one with openssl rand -hex 32"
        )
        raise InputError(message, code="web.token", path=where)
    return given


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(_LONGEST + 2).decode("ascii", "replace").strip()
    except OSError as error:
        message = f"cannot read the token in {file}: {error.strerror or error}"
        raise InputError(message, code="web.token", path=file) from error
    if stat.S_IMODE(mode) & 0o077:
        message = f"{file}: others may read this token: chmod 600 {file}"
        raise InputError(message, code="web.token-mode", path=file)
    return text
