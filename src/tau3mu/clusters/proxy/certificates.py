"""The certificates of a grid proxy: the time in which it is valid, or what is wrong with it.

Nothing here raises: a traceback would hold the key among its local variables.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

__all__ = ["Lifetime", "lifetime_of"]

_BLOCK: Final = re.compile(
    rb"-----BEGIN (?P<what>[A-Z0-9 ]+)-----.*?-----END (?P=what)-----", re.DOTALL
)
# The validity of the VOMS attributes inside a proxy: a sequence of two GeneralizedTime. (That of
# the certificate itself is a sequence of two UTCTime.)
_VOMS_VALIDITY: Final = re.compile(rb"\x30\x22\x18\x0f(\d{14})Z\x18\x0f(\d{14})Z")


class Lifetime(NamedTuple):
    """The time in which all parts of a proxy are valid, in UTC."""

    begins: datetime
    ends: datetime

    def remaining(self) -> timedelta:
        """Returns the time to the end; zero if that has passed."""
        return max(self.ends - datetime.now(timezone.utc), timedelta(0))


def lifetime_of(content: bytes) -> Lifetime | str:
    """Returns when a proxy is valid, or what is wrong with it as the end of a sentence.

    The lifetime is that of the whole chain with the VOMS attributes in it. That the authority at
    its end can be trusted is left to the server.

    Args:
        content: The file: the proxy, its key, and the certificates that have signed it, as PEM.
    """
    from cryptography import x509

    keys, chain = [], []
    for block in _BLOCK.finditer(content):
        if block["what"].endswith(b"PRIVATE KEY"):
            keys.append(block[0])
        elif block["what"] == b"CERTIFICATE":
            try:
                chain.append(x509.load_pem_x509_certificate(block[0]))
            except ValueError:
                return f"its certificate number {len(chain) + 1} is damaged"
    if not chain:
        return "it holds no certificate"
    problem = _problem_of_key(keys, chain[0]) or _problem_of_chain(chain)
    return problem or _lifetime(chain)


def _problem_of_key(keys: Sequence[bytes], leaf: Certificate) -> str | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if len(keys) != 1:
        return "it holds no private key" if not keys else "it holds more than one private key"
    try:
        matches = load_pem_private_key(keys[0], password=None).public_key() == leaf.public_key()
    except TypeError:
        return "its private key is locked with a password"
    except (ValueError, UnsupportedAlgorithm):
        return "its private key is damaged"
    return None if matches else "its private key does not belong to its first certificate"


def _problem_of_chain(chain: Sequence[Certificate]) -> str | None:
    from cryptography.exceptions import InvalidSignature

    leaf = chain[0]
    if not _is_proxy(leaf):
        return "its first certificate is that of a person or a host rather than a proxy"
    by_subject = {certificate.subject: certificate for certificate in chain[1:]}
    current = leaf
    while _is_proxy(current):
        issuer = by_subject.get(current.issuer)
        if issuer is None:
            return "a certificate of its chain is not in the file"
        try:
            current.verify_directly_issued_by(issuer)
        except (InvalidSignature, TypeError, ValueError):
            return "its chain is broken: one certificate has not signed the next"
        current = issuer
    return None


def _is_proxy(certificate: Certificate) -> bool:
    # RFC 3820: the name of a proxy is the name of who has signed it with a common name more.
    owner = list(certificate.issuer)
    return list(certificate.subject)[:-1] == owner


def _lifetime(chain: Sequence[Certificate]) -> Lifetime:
    begins = [certificate.not_valid_before_utc for certificate in chain]
    ends = [certificate.not_valid_after_utc for certificate in chain]
    for certificate in chain:
        for first, last in _VOMS_VALIDITY.findall(certificate.tbs_certificate_bytes):
            begins.append(_time(first))
            ends.append(_time(last))
    return Lifetime(max(begins), min(ends))


def _time(digits: bytes) -> datetime:
    return datetime.strptime(digits.decode(), "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
