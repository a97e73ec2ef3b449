"""Where the server listens: this machine only, unless TLS or `--insecure` is given."""

from __future__ import annotations

import errno
import socket
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from tau3mu.errors import InputError, RunError
from tau3mu.web.hosts import LOOPBACK
from tau3mu.web.options import PORT, PORTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["check_certificate", "listen", "names_of"]

_PORTS: Final = 65535


def listen(host: str, port: int | None, *, tls: bool, insecure: bool) -> socket.socket:
    """Returns a socket that listens.

    Args:
        host: A name or an address of this machine.
        port: Its port, 0 for any, None for the first free one from 8765 on.
        tls: Whether what is sent is encrypted.
        insecure: Whether the network may be listened to without that.

    Raises:
        InputError: The host is not known, or is on the network without TLS.
        RunError: The port cannot be used.
    """
    if port is not None and not 0 <= port <= _PORTS:
        message = f"--port {port}: expected a number from 0 to {_PORTS}"
        raise InputError(message, code="web.port", path="port")
    family, address = _address(host)
    if not (tls or insecure or ip_address(address.partition("%")[0]).is_loopback):
        message = (
            f"--host {host} can be reached from the network, where others could read the pages and "
            "the token: give --certificate FILE, or --insecure if the network is yours alone"
        )
        raise InputError(message, code="web.insecure", path="host")
    taken: OSError | None = None
    for number in range(PORT, PORT + PORTS) if port is None else [port]:
        try:
            return socket.create_server((address, number), family=family)
        except OSError as error:  # noqa: PERF203 - until one is free
            taken = error
            if error.errno != errno.EADDRINUSE:
                break
    assert taken is not None
    what = f"any port from {PORT} to {PORT + PORTS - 1}" if port is None else f"port {port}"
    message = f"cannot listen on {what} of {host}: {taken.strerror or taken}"
    raise RunError(message, code="web.port", path="port") from taken


def names_of(listener: socket.socket, host: str, others: Sequence[str]) -> frozenset[str]:
    """Returns the names under which the server may be asked, in lower case.

    Args:
        listener: Where it listens.
        host: What was given for that.
        others: The names that proxies give it.
    """
    names = {*LOOPBACK, host.lower().strip("[]"), *(name.lower() for name in others)}
    if not ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


def check_certificate(certificate: Path, key: Path | None) -> None:
    """Makes sure that certificate and key can be used, before anything is started.

    Args:
        certificate: A PEM file.
        key: Another one, None if it is in the same.

    Raises:
        InputError: They cannot be read, or do not belong together.
    """
    path = certificate
    try:
        for path in (certificate, key or certificate):
            path.read_bytes()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        message = (
            f"{certificate} cannot be used with {key or 'the key in it'}: expected PEM files of a "
            f"certificate and its key, without a password ({error.reason or error})"
        )
        raise InputError(message, code="web.certificate", path=certificate) from error
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InputError(message, code="web.certificate", path=path) from error


def _address(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        message = f"--host {host}: there is no such host ({error})"
        raise InputError(message, code="web.host", path="host") from error
    family, *_, address = found[0]
    return family, str(address[0])
