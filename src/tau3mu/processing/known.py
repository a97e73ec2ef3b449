"""Values of some of the candidates of a chunk, to which others are added as they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.selection import plain

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Known", "Parts"]


class Parts:
    """Some rows of a quantity that is a dictionary of arrays, of which each is read by its name."""

    def __init__(self, known: dict[str, Known], index: npt.NDArray[np.int64]) -> None:
        """Creates them from all parts and the rows that are meant."""
        self._known = known
        self._index = index

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self._index)

    def __getitem__(self, name: str) -> Any:
        """Returns an array, masked if some of its values are missing, or parts again."""
        return self._known[name].at(self._index)


class Known:
    """The values of some of many rows: one array, or several by their names."""

    def __init__(self, length: int) -> None:
        """Creates it for so many rows, without values."""
        self.there = np.zeros(length, dtype=np.bool_)
        self.values: Any = None
        self._missing: npt.NDArray[np.bool_] | None = None

    def unknown(self, index: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
        """Returns which of some rows, or of all, have no value yet."""
        if index is None:
            return np.flatnonzero(~self.there)
        there = self.there[index]
        return index[:0] if there.all() else index[~there]

    def add(self, new: npt.NDArray[np.int64], values: Any, name: str) -> None:
        """Adds the values of some rows, which `name` returned."""
        if isinstance(values, dict):
            self.values = self.values or {}
            for key, part in values.items():
                if key not in self.values:
                    self.values[key] = Known(len(self.there))
                self.values[key].add(new, part, f"{name}.{key}")
        else:
            self._add(new, _one_per_row(values, len(new), name))
        self.there[new] = True

    def _add(self, new: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> None:
        if self.values is None or not self.there.any():  # no rows may have come as another type
            self.values = np.zeros(len(self.there), dtype=values.dtype)
        if np.ma.is_masked(values):
            if self._missing is None:
                self._missing = np.zeros(len(self.there), dtype=np.bool_)
            self._missing[new] = np.ma.getmaskarray(values)
        self.values[new] = np.ma.getdata(values)

    def at(self, index: npt.NDArray[np.int64]) -> Any:
        """Returns the values of known rows, masked if some are missing, or parts."""
        if isinstance(self.values, dict):
            return Parts(self.values, index)
        values = self.values[index]
        missing = None if self._missing is None else self._missing[index]
        return values if missing is None or not missing.any() else np.ma.array(values, mask=missing)


def _one_per_row(values: Any, length: int, name: str) -> npt.NDArray[Any]:
    array = np.asarray(values) if isinstance(values, list) else plain(values)
    if np.shape(array) != (length,):
        message = (
            f"{name} returns an array of shape {np.shape(array)}, expected one value for each of "
            f"{length}"
        )
        raise InputError(message, code="processor.not-one-per-candidate", path=name)
    return array
