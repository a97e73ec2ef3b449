"""Security of connections: whoever reaches a scheduler without TLS can run code as its user."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from distributed import Security

    from tau3mu.clusters.kinds import Tls

__all__ = ["is_loopback", "is_private", "refuse_open_address", "security_of"]

log = logging.getLogger(__name__)

_SCHEMES = {"tcp": False, "tls": True, "ws": False, "wss": True}  # whether there is TLS
_PRIVATE = {"gateway", "inproc", *(scheme for scheme, tls in _SCHEMES.items() if tls)}


def refuse_open_address(address: str, *, insecure: bool) -> None:
    """Checks that code does not travel to a scheduler in the clear.

    Other users of this machine cannot listen to its own connections, but can connect: a warning.

    Args:
        address: Such as `tls://host:8786`; without a scheme it is `tcp`.
        insecure: Whether it is accepted nevertheless, without a warning.

    Raises:
        InputError: It is not an address, or its scheme has no encryption and its host is not
            this machine.
    """
    from distributed.comm.addressing import parse_address, parse_host_port

    try:
        scheme, place = parse_address(address)
        _, port = parse_host_port(place, default_port=0)
        urlsplit(f"{scheme}://{place}")  # refuses brackets around other things than numbers
    except ValueError as error:
        message = f"{address!r} is not an address: expected tls://HOST:PORT ({error})"
        raise InputError(message, code="clusters.not-an-address", path=address) from error
    if scheme not in _SCHEMES:
        message = f"{address!r}: unknown scheme {scheme!r}; known: {', '.join(_SCHEMES)}"
        raise InputError(message, code="clusters.unknown-scheme", path=address)
    if not port:
        message = f"{address!r} has no port: expected {scheme}://HOST:PORT, such as {address}:8786"
        raise InputError(message, code="clusters.no-port", path=address)
    if not insecure and not is_private(f"{scheme}://{place}"):
        message = (
            f"the scheduler at {address} is on the network and does without TLS: whoever listens "
            "can read what is sent, and whoever connects can run code as its user; use a tls:// "
            "address with certificates, or accept this with --insecure"
        )
        raise InputError(message, code="clusters.open-network", path=address)
    if not insecure and not _SCHEMES[scheme]:
        log.warning(
            "the scheduler at %s does without TLS: every user of this machine can connect to it "
            "and run code as its user; where that matters start it with certificates (tls://), or "
            "accept this with --insecure",
            address,
        )


def is_private(address: str) -> bool:
    """Returns whether nobody else can listen: thanks to TLS, or within one machine.

    Connections of dask-gateway have TLS.

    Args:
        address: Of a scheduler, with its scheme.
    """
    parts = urlsplit(address)
    return parts.scheme in _PRIVATE or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Returns whether a host can be reached from this machine only.

    Args:
        host: By name or number.
    """
    if not host:  # which would stand for this machine
        return False
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        return False
    addresses = {str(place[0]).partition("%")[0] for *_, place in found}
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)


def security_of(tls: Tls | None) -> Security:
    """Returns the certificates of a client.

    Args:
        tls: Those of a site file; None for those of dask's own configuration.

    Raises:
        InputError: A file is missing or cannot be read, or dask's configuration names none.
    """
    from distributed import Security

    if tls is None:
        security = Security()
        if security.tls_ca_file is None or security.tls_client_cert is None:
            message = (
                "a tls:// address needs certificates: name them under [tls] in the site file "
                "(ca_file, cert, key), or in dask's configuration under distributed.comm.tls"
            )
            raise InputError(message, code="clusters.no-certificates")
        return security
    for path in (tls.ca_file, tls.cert, tls.key):
        if not os.access(path, os.R_OK):
            message = f"site file, tls: {path} is missing or cannot be read"
            raise InputError(message, code="clusters.unreadable-certificate", path=path)
    cert, key = str(tls.cert), str(tls.key)
    return Security(
        require_encryption=True,
        tls_ca_file=str(tls.ca_file),
        tls_client_cert=cert,
        tls_client_key=key,
        tls_scheduler_cert=cert,
        tls_scheduler_key=key,
        tls_worker_cert=cert,
        tls_worker_key=key,
    )
