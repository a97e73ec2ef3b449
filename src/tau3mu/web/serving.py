"""The server: a socket, a token, and the words that say where to look."""

from __future__ import annotations

import socket as sockets
import sys
import threading
from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.web.options import token_of

if TYPE_CHECKING:
    import argparse

    from tau3mu.web.site import Site

__all__ = ["serve"]


def serve(site: Site, options: argparse.Namespace) -> int:
    """Shows a site until Ctrl-C, and returns the exit code.

    Args:
        site: What is shown.
        options: Those of `tau3mu.web.options.add_server_options`.

    Raises:
        InputError: An option cannot be used.
        RunError: The port cannot be used.
    """
    try:
        return _serve(site, options)
    except KeyboardInterrupt:  # how a server is ended
        return 0


def _serve(site: Site, options: argparse.Namespace) -> int:
    import uvicorn

    from tau3mu.web.application import application, prepared
    from tau3mu.web.connections import Connection
    from tau3mu.web.listening import check_certificate, listen, names_of
    from tau3mu.web.security import Access

    tls = options.certificate is not None
    if tls:
        check_certificate(options.certificate, options.key)
    elif options.key is not None:
        message = "--key without --certificate: give the certificate too"
        raise InputError(message, code="web.certificate", path="key")
    token = token_of(options.token_file)
    listener = listen(options.host, options.port, tls=tls, insecure=options.insecure)
    port = listener.getsockname()[1]
    access = Access(
        token,
        hosts=names_of(listener, options.host, options.allow_host),
        proxies=frozenset(name.lower() for name in options.allow_host),
        cookie=f"tau3mu_{port}",
    )
    app = application(site, access)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[sockets.socket] | None = None) -> None:
            await super().startup(sockets)
            threading.Thread(target=prepared, args=(app,), daemon=True).start()

        async def shutdown(self, sockets: list[sockets.socket] | None = None) -> None:
            app.state.live.end()
            app.state.worker.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        # So many are accepted at once. One that is too many is closed some rounds later, and until
        # then it takes a file.
        backlog=20,
        access_log=False,  # it would have the token
        http=Connection,
        log_level="warning",
        server_header=False,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        timeout_graceful_shutdown=5,
        ws="none",
    )
    _announce(f"{'https' if tls else 'http'}://{_shown(listener)}/?token={token}", port)
    Server(config).run(sockets=[listener])
    return 0


def _shown(listener: sockets.socket) -> str:
    """Returns the name and the port of the server in an address."""
    address, port = listener.getsockname()[:2]
    if address in {"0.0.0.0", "::"}:
        return f"{sockets.getfqdn()}:{port}"
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _announce(address: str, port: int) -> None:
    """Prints the address for programs too, and what people should know."""
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    sys.stderr.write(
        "Open this address in a browser. Whoever has it can do here what you can: keep it secret.\n"
        f"From another machine: ssh -L {port}:localhost:{port} {sockets.gethostname()}, then open "
        "the same address there.\nCtrl-C ends the server; what it has started goes on.\n"
    )
    sys.stderr.flush()
