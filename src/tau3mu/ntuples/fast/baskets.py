"""Reads the baskets of a branch of a local file together rather than one by one.

uproot passes every basket through a queue, two executors and a model of its own, which costs as
much as a third of its decompression. It also takes baskets that have been read already; `Baskets`
stands for all that a read needs of a branch, and reads them when their contents are asked for.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import deflate

from tau3mu.ntuples.fast.uproot_names import (
    Cursor,
    DecompressZLIB,
    Model_TBasket,
    basket_format1,
    basket_format2,
    basket_offsets_dtype,
    decompress,
    use_zlib,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

__all__ = ["Basket", "Baskets", "Decoded", "contents", "trim", "use_fast_zlib"]


class _Sized(Protocol):
    def __len__(self) -> int: ...


T = TypeVar("T", bound=_Sized)


class Basket(NamedTuple):
    """The decompressed bytes of a basket, and where its entries begin and the last one ends."""

    number: int
    data: npt.NDArray[np.uint8]
    byte_offsets: npt.NDArray[np.int32]


class Baskets(Model_TBasket):  # type: ignore[misc]
    """The baskets of a branch that hold a range of entries, where uproot expects a single one."""

    @classmethod
    def of(cls, branch: Any, parts: list[tuple[int, Any]]) -> Baskets:
        """Returns the baskets of which uproot says where they are.

        Args:
            branch: The branch.
            parts: What its `entries_to_ranges_or_baskets` returns.
        """
        baskets = cls.empty()
        baskets._parent, baskets._file = branch, branch.file
        baskets._parts = parts
        baskets._basket_num = parts[0][0]
        baskets._members = {"fKeylen": 0}
        baskets._data = baskets._byte_offsets = None
        return baskets  # type: ignore[no-any-return]

    @property
    def num_entries(self) -> int:
        """The number of entries of all baskets."""
        edges = self._parent.entry_offsets
        return int(edges[self._parts[-1][0] + 1] - edges[self._parts[0][0]])

    def read(self) -> Iterator[Basket]:
        """Yields the baskets in order, each read and decompressed now."""
        for number, part in self._parts:
            if isinstance(part, tuple):
                yield _read(self._file.source, number, int(part[0]), int(part[1]))
            else:  # it was stored with the tree
                yield Basket(number, part.data, part.byte_offsets)


class Decoded(Generic[T]):
    """The arrays that an interpretation makes of one basket or of many, by their numbers."""

    def __init__(self, baskets: dict[int, T]) -> None:
        """Creates it of arrays by the number of their basket."""
        self.baskets = baskets

    def __len__(self) -> int:
        """Returns the number of their entries, which uproot compares with what it expects."""
        return sum(len(basket) for basket in self.baskets.values())


def trim(
    decoded: Mapping[int, Decoded[T]], entry_start: int, entry_stop: int, entry_offsets: Any
) -> Iterator[tuple[T, int, int]]:
    """Yields each basket in order, and its first and last entry in the range, the last excluded.

    Args:
        decoded: What uproot gives to `final_array` of an interpretation.
        entry_start: First entry of the range, counted in the tree.
        entry_stop: One beyond the last entry of the range.
        entry_offsets: The first entries of all baskets, and one beyond the last of all.
    """
    baskets = {number: one for part in decoded.values() for number, one in part.baskets.items()}
    for number in sorted(baskets):
        first, last = entry_offsets[number], entry_offsets[number + 1]
        yield baskets[number], max(entry_start - first, 0), min(entry_stop, last) - first


def contents(
    data: npt.NDArray[np.uint8], byte_offsets: npt.NDArray[np.int32], basket: Any
) -> Iterator[Basket]:
    """Yields what uproot gives to `basket_array` of an interpretation: one basket, or many."""
    if isinstance(basket, Baskets):
        yield from basket.read()
    else:
        yield Basket(basket.basket_num, data, byte_offsets)


def _read(source: Any, number: int, start: int, stop: int) -> Basket:
    chunk = source.chunk(start, stop)
    stored = chunk.raw_data
    n_bytes, _, n_uncompressed, _, n_key, _ = basket_format1.unpack_from(stored)
    *_, last = basket_format2.unpack_from(stored, n_key - basket_format2.size - 1)
    if n_bytes - n_key == n_uncompressed:
        data = stored[n_key:]
    else:
        data = decompress(
            chunk, Cursor(start + n_key), {}, n_bytes - n_key, n_uncompressed
        ).raw_data
    border = last - n_key
    byte_offsets = data[border:].view(basket_offsets_dtype)[1:] - n_key
    byte_offsets[-1] = border
    return Basket(number, data[:border], byte_offsets)


_REPETITIVE = 20
"""The factor from which on a block is kept: only lists of triggers shrink that much."""


class _Zlib(DecompressZLIB):  # type: ignore[misc]
    def decompress(self, data: Any, uncompressed_bytes: int) -> bytearray:
        """Returns the decompressed bytes, for a repeated list the same object as before."""
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
    # As long as the triggers stay the same, the blocks of their names are equal byte by byte.
    return _decompress(data, uncompressed_bytes)


def use_fast_zlib() -> None:
    """Makes uproot decompress zlib, in which ROOT writes by default, with libdeflate.

    That takes two fifths of the time of Python's zlib.
    """
    use_zlib(_Zlib())
