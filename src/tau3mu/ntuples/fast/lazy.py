"""Numbers that are made when they are used, and only those that are.

Cuts leave few candidates, and of most columns only theirs are looked at. A buffer of awkward that
is not there yet makes all of its values for the first of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from awkward._nplikes.numpy import Numpy
from awkward._nplikes.virtual import VirtualNDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

__all__ = ["LazyNumbers"]

_FEW = 4
"""As long as an index has less than one in so many of the values, only these are made."""


class LazyNumbers(VirtualNDArray):  # type: ignore[misc]
    """A buffer of awkward that is not there yet; indexing makes only some of it."""

    _some: Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]] | None = None

    @classmethod
    def of(
        cls,
        length: int,
        dtype: np.dtype[Any],
        every: Callable[[], npt.NDArray[Any]],
        some: Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]],
    ) -> LazyNumbers:
        """Returns numbers of which none is made yet.

        Args:
            length: How many there are.
            dtype: Their type.
            every: Returns all of them.
            some: Returns those at the places of an index.
        """
        numbers = cls(Numpy.instance(), (length,), dtype, every)
        numbers._some = some
        return numbers

    def like(
        self,
        every: Callable[[], npt.NDArray[Any]],
        some: Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]],
    ) -> LazyNumbers:
        """Returns as many numbers of the same type, made in another way; see `of`."""
        return self.of(len(self), self.dtype, every, some)

    def materialize(self) -> npt.NDArray[Any]:
        """Returns all numbers, and forgets how they are made."""
        numbers: npt.NDArray[Any] = super().materialize()
        self._some = None
        return numbers

    def __getitem__(self, where: Any) -> Any:
        """Returns a part of the numbers."""
        is_index = isinstance(where, np.ndarray) and where.dtype == np.int64
        if self._some is not None and is_index and _FEW * len(where) < len(self):
            return self._some(where)
        return super().__getitem__(where)
