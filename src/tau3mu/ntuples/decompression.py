"""Decompresses zlib, in which ROOT writes by default, faster than uproot does.

ISA-L takes half the time of Python's zlib. uproot has a switch to it, `uproot.ZLIB.library`, but
that does not reach the object that reads (uproot 5.7), so this object is put in its place.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import uproot
from isal import isal_zlib

__all__ = ["use_fast_zlib"]

_REPETITIVE = 20
"""The factor from which on a block is kept: only trigger menus shrink that much."""


class _Zlib(uproot.compression._DecompressZLIB):  # type: ignore[misc]
    def decompress(self, data: Any, uncompressed_bytes: int) -> bytes:
        """Returns the decompressed bytes, for a repeated menu the same object as before."""
        if uncompressed_bytes > _REPETITIVE * len(data):
            return _decompress_repeated(bytes(data), uncompressed_bytes)
        return isal_zlib.decompress(data, bufsize=uncompressed_bytes)


@lru_cache(maxsize=8)
def _decompress_repeated(data: bytes, uncompressed_bytes: int) -> bytes:
    # As long as the menu stays, the blocks of a branch of trigger names are equal byte by byte.
    return isal_zlib.decompress(data, bufsize=uncompressed_bytes)


def use_fast_zlib() -> None:
    """Makes uproot decompress with ISA-L in this process."""
    uproot.compression._decompress_ZLIB = _Zlib()
