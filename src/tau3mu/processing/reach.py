"""How far candidates get in a chain of cuts, which processors that differ before it share.

Each of them has other candidates left before the chain, but a candidate passes as many of its cuts
for one as for the other. So what each cut of the chain leaves is counted, not cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from tau3mu.processing.declarations import Cut

__all__ = ["Reach"]


class Reach:
    """How many cuts of a chain candidates pass before one rejects them."""

    def __init__(self, length: int) -> None:
        """Creates it without answers.

        Args:
            length: The number of all candidates.
        """
        self._passed = np.full(length, -1, dtype=np.int16)

    def of(
        self,
        cuts: Sequence[Cut],
        index: npt.NDArray[np.int64],
        passes: Callable[[Cut, npt.NDArray[np.int64]], npt.NDArray[np.bool_]],
    ) -> tuple[npt.NDArray[np.int16], bool]:
        """Returns how many cuts some candidates pass, and whether some of them were new.

        Args:
            cuts: The cuts of the chain, all of them on candidates.
            index: The candidates, as their index among all.
            passes: Returns which candidates pass a cut. It is asked about those alone that pass
                all cuts before it.
        """
        new = index[self._passed[index] < 0]
        if len(new):
            passed = np.zeros(len(new), dtype=np.int16)
            left = np.arange(len(new))
            for number, one in enumerate(cuts, 1):
                left = left[passes(one, new[left])]
                passed[left] = number
            self._passed[new] = passed
        return self._passed[index], len(new) > 0
