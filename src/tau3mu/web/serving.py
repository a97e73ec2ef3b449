"""The server: a socket on this machine, a token, and the words that say where to look."""

from __future__ import annotations

import secrets
import socket
import sys
from typing import TYPE_CHECKING, Final

from tau3mu.errors import RunError

if TYPE_CHECKING:
    import argparse

    from tau3mu.web.application import Site

__all__ = ["add_server_options", "serve"]

_HOST: Final = "127.0.0.1"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the server.

    Args:
        parser: Of a command.
    """
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="of the server (default: a free one)"
    )


def serve(site: Site, options: argparse.Namespace) -> int:
    """Shows a site until Ctrl-C, and returns the exit code.

    Args:
        site: What is shown.
        options: Those of `add_server_options`.

    Raises:
        RunError: The port cannot be used.
    """
    import uvicorn

    from tau3mu.web.application import application

    token = secrets.token_urlsafe(32)
    listener = socket.socket()
    try:
        listener.bind((_HOST, options.port))
    except OSError as error:
        message = f"cannot use port {options.port}: {error.strerror or error}"
        raise RunError(message, code="web.port", path=options.port) from error
    port = listener.getsockname()[1]
    app = application(site, token, hosts=_LOOPBACK, cookie=f"tau3mu_{port}")
    sys.stdout.write(f"http://{_HOST}:{port}/?token={token}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, access_log=False, log_level="warning", server_header=False)
    uvicorn.Server(config).run(sockets=[listener])
    return 0
