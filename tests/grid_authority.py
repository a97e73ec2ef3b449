"""A certificate authority of our own: host certificates and RFC 3820 proxies for the tests."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID, ObjectIdentifier

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["Authority", "key_text"]

_DAY = timedelta(days=1)
_PROXY_INFORMATION = ObjectIdentifier("1.3.6.1.5.5.7.1.14")
_VOMS_ATTRIBUTES = ObjectIdentifier("1.3.6.1.4.1.8005.100.100.5")
# SEQUENCE { SEQUENCE { OID id-ppl-inheritAll } }: the proxy may do what its owner may do.
_INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")
_POLICY = """\
access_id_CA X509 '/CN=Tests of tau3mu'
pos_rights globus CA:sign
cond_subjects globus '"*"'
"""


class Authority:
    """Signs certificates; its own lies in `folder`, as `X509_CERT_DIR` wants it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self._name = _name("Tests of tau3mu")
        self._key = _new_key()
        certificate = _sign(
            self._name, self._key, self._name, self._key, life=_DAY,
            extensions=[
                (x509.BasicConstraints(ca=True, path_length=None), True),
                (_usage(key_cert_sign=True, crl_sign=True), True),
            ],
        )  # fmt: skip
        stem = _openssl_hash(self._name)
        (folder / f"{stem}.0").write_bytes(certificate.public_bytes(Encoding.PEM))
        (folder / f"{stem}.signing_policy").write_text(_POLICY)
        self._user_name, self._user_key = _name("Test User"), _new_key()

    def host_certificate(self, folder: Path) -> tuple[Path, Path]:
        """Writes a certificate of `localhost` and its key into a folder; returns both paths."""
        key = _new_key()
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        certificate = self._issue(_name("localhost"), key, (names, False))
        paths = folder / "host.pem", folder / "hostkey.pem"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_text(key_text(key))
        paths[1].chmod(0o400)
        return paths

    def proxy(
        self,
        path: Path,
        *,
        starts: timedelta = -timedelta(minutes=5),
        ends: timedelta = timedelta(hours=12),
        user_ends: timedelta = _DAY,
        levels: int = 1,
        key: RSAPrivateKey | None = None,
        attributes_end: timedelta | None = None,
        mode: int = 0o600,
    ) -> Path:
        """Writes a proxy of the test user and returns its path.

        Args:
            path: The file; an older one is replaced.
            starts: When the proxy begins to hold, from now.
            ends: When it ends, from now.
            user_ends: When the certificate of the user ends, from now.
            levels: 2 for a proxy of a proxy.
            key: Is written in place of the proxy's own.
            attributes_end: When VOMS attributes in the proxy end, from now; None for no attributes.
            mode: Permissions of the file.
        """
        user = self._issue(self._user_name, self._user_key, ends=user_ends)
        chain, issuer_key = [user], self._user_key
        for level in range(levels):
            own_key = _new_key()
            proxy = _proxy_of(
                chain[0], issuer_key, own_key, 1000 + level, starts, ends, attributes_end
            )
            chain.insert(0, proxy)
            issuer_key = own_key
        texts = [certificate.public_bytes(Encoding.PEM).decode() for certificate in chain]
        texts.insert(1, key_text(key or issuer_key))
        # As voms-proxy-init does: another file, put into the place of the old one.
        part = path.with_name(path.name + ".new")
        part.touch(mode=0o600)
        part.write_text("".join(texts))
        part.chmod(mode)
        part.replace(path)
        return path

    def _issue(
        self,
        name: x509.Name,
        key: RSAPrivateKey,
        *extensions: tuple[x509.ExtensionType, bool],
        ends: timedelta = _DAY,
    ) -> x509.Certificate:
        return _sign(
            name, key, self._name, self._key, life=ends,
            extensions=[
                (_usage(digital_signature=True, key_encipherment=True), True),
                *extensions,
            ],
        )  # fmt: skip


def key_text(key: RSAPrivateKey) -> str:
    """Returns a private key as PEM."""
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


def _proxy_of(
    issuer: x509.Certificate,
    issuer_key: RSAPrivateKey,
    key: RSAPrivateKey,
    serial: int,
    starts: timedelta,
    ends: timedelta,
    attributes_end: timedelta | None,
) -> x509.Certificate:
    common_name = x509.NameAttribute(NameOID.COMMON_NAME, str(serial))
    name = x509.Name([*issuer.subject, common_name])
    information = x509.UnrecognizedExtension(_PROXY_INFORMATION, _INHERIT_ALL)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (information, True),
        (_usage(digital_signature=True), True),
    ]
    if attributes_end is not None:
        extensions.append((_voms_attributes(attributes_end), False))
    return _sign(
        name, key, issuer.subject, issuer_key, starts=starts, life=ends, serial=serial,
        extensions=extensions,
    )  # fmt: skip


def _voms_attributes(ends: timedelta) -> x509.UnrecognizedExtension:
    """Returns the part of an attribute certificate that says when it holds (RFC 5755, 4.1)."""
    now = datetime.now(timezone.utc)
    times = [f"{now + shift:%Y%m%d%H%M%SZ}".encode() for shift in (-_DAY, ends)]
    validity = b"".join(b"\x18\x0f" + time for time in times)
    sequence = b"\x30" + bytes([len(validity)]) + validity
    return x509.UnrecognizedExtension(_VOMS_ATTRIBUTES, b"\x30" + bytes([len(sequence)]) + sequence)


def _sign(
    name: x509.Name,
    key: RSAPrivateKey,
    issuer: x509.Name,
    issuer_key: RSAPrivateKey,
    *,
    life: timedelta,
    starts: timedelta = -_DAY,
    serial: int | None = None,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + life)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(**allowed: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**(dict.fromkeys(names, False) | allowed))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _new_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _openssl_hash(name: x509.Name) -> str:
    """Returns the name that OpenSSL looks for in a folder of authorities."""
    canonical = x509.Name(
        [
            x509.NameAttribute(part.oid, str(part.value).lower(), _ASN1Type.UTF8String)
            for part in name
        ]
    ).public_bytes()
    # Without the header of the outer sequence, which is two bytes for a short name.
    digest = hashlib.sha1(canonical[2:], usedforsecurity=False).digest()
    return digest[:4][::-1].hex()
