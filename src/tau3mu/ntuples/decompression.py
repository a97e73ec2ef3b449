"""Decompresses zlib, in which ROOT writes by default, faster than uproot does.

libdeflate takes two fifths of the time of Python's zlib. uproot looks its decompressor up in its
module when it reads a block, so another one is put there.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

import deflate
import uproot

__all__ = ["use_fast_zlib"]

_REPETITIVE = 20
"""The factor from which on a block is kept: only trigger menus shrink that much."""


class _Zlib(uproot.compression._DecompressZLIB):  # type: ignore[misc]
    def decompress(self, data: Any, uncompressed_bytes: int) -> bytearray:
        """Returns the decompressed bytes, for a repeated menu the same object as before."""
        if uncompressed_bytes > _REPETITIVE * len(data):
            return _decompress_repeated(bytes(data), uncompressed_bytes)
        return _decompress(data, uncompressed_bytes)


def _decompress(data: Any, uncompressed_bytes: int) -> bytearray:
    try:
        return deflate.zlib_decompress(data, uncompressed_bytes)
    except deflate.DeflateError as error:
        message = "a compressed block is damaged"
        raise zlib.error(message) from error


@lru_cache(maxsize=8)
def _decompress_repeated(data: bytes, uncompressed_bytes: int) -> bytearray:
    # As long as the menu stays, the blocks of a branch of trigger names are equal byte by byte.
    return _decompress(data, uncompressed_bytes)


def use_fast_zlib() -> None:
    """Makes uproot decompress with libdeflate in this process."""
    uproot.compression._decompress_ZLIB = _Zlib()
