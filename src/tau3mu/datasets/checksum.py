"""Checksums of whole files, which find damage that the file format does not.

A flipped bit in data without compression, or compressed with ZSTD, is another number and no error.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tau3mu.config.input_files import kind_of_special
from tau3mu.config.printable import printable
from tau3mu.errors import InputError
from tau3mu.storage.locations import is_url
from tau3mu.storage.remote import client_options, is_xrootd, request_timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["file_checksum", "parse_checksum", "server_checksum", "verify_checksum"]

_BLOCK: Final = 1 << 22
_CHECKSUM = re.compile(r"adler32:([0-9A-Fa-f]{1,8})")


def parse_checksum(text: str) -> str:
    """Returns a checksum in the form in which checksums are compared, such as `adler32:0a1b2c3d`.

    Args:
        text: `adler32:` and up to 8 hexadecimal digits.

    Raises:
        InputError: It is not a checksum, or one of another kind.
    """
    found = _CHECKSUM.fullmatch(text.strip())
    if found is None:
        message = f"{text!r} is not a checksum, expected adler32: and 8 digits from 0-9a-f"
        raise InputError(message, code="dataset.not-a-checksum")
    return f"adler32:{found[1].lower():0>8}"  # some catalogues leave out zeros in front


def file_checksum(path: str) -> str:
    """Returns the checksum of a local file or a URL, of which every byte is read.

    Args:
        path: The file.
    """
    value = 1
    for block in _blocks(path):
        value = zlib.adler32(block, value)
    return f"adler32:{value:08x}"


def server_checksum(url: str) -> str | None:
    """Returns the checksum that an XRootD server knows of a file, None if it knows none.

    Args:
        url: The file; for URLs of other servers the answer is None.

    Raises:
        OSError: The server does not answer.
    """
    if not is_xrootd(url):
        return None
    client_options(url)
    from XRootD.client.filesystem import FileSystem
    from XRootD.client.flags import QueryCode
    from XRootD.client.url import URL

    where = URL(url)
    server = FileSystem(f"{where.protocol}://{where.hostid}")
    asked = f"{where.path}?cks.type=adler32"
    status, answer = server.query(QueryCode.CHECKSUM, asked, timeout=request_timeout())
    if not status.ok:
        if "[3013]" in status.message or "not supported" in status.message:
            return None
        message = f"the server gives no checksum: {status.message}"
        raise OSError(message)
    kind, _, value = answer.decode().strip("\x00 \n").partition(" ")
    return parse_checksum(f"adler32:{value}") if kind == "adler32" else None


def verify_checksum(path: str, expected: str | None) -> bool:
    """Returns whether a file could be compared with a checksum, which it then has.

    The checksum is that of its dataset file, or else that of its server.

    Of a file with a checksum in the dataset file, the server is asked for its own, and the bytes
    are read where it knows none. Without one in the dataset file they are read and compared with
    what the server says.

    Args:
        path: A local file or a URL.
        expected: Such as `adler32:0a1b2c3d`, None if the dataset file says nothing.

    Raises:
        ReadError: The checksum is another one, or the file can't be read.
    """
    from tau3mu.ntuples.reader import ReadError
    from tau3mu.storage.failures import failure_kind, is_defect, read_errors, reason

    if expected is not None:
        expected = parse_checksum(expected)
    try:
        known = server_checksum(path)
        if expected is None and known is None:
            return False
        found = known if expected and known else file_checksum(path)
    except read_errors() as error:
        if is_defect(error):
            raise
        message = f"{printable(path)}: the checksum cannot be verified: {reason(error)}"
        kind = failure_kind(error)
        raise ReadError(message, kind, path, code="dataset.no-checksum") from error
    if found != (expected or known):
        who = "the dataset file" if expected else "its server"
        message = (
            f"{printable(path)}: the checksum is {found}, but {expected or known} according to "
            f"{who}: the file is damaged or another one; copy it again"
        )
        raise ReadError(message, "bad_file", path, code="dataset.wrong-checksum")
    return True


def _blocks(path: str) -> Iterator[bytes]:
    if not is_url(path):
        if kind := kind_of_special(path):
            message = f"it is {kind}, expected a regular file"
            raise OSError(message)
        with Path(path).open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
        return
    client_options(path)
    import fsspec

    with fsspec.open(path, "rb") as file:
        while block := file.read(_BLOCK):
            yield block
