"""The pieces of which the exact integrals of the pdfs are made, for NumPy.

All give one integral for each pair of neighbors in their first argument, which may rise or fall.
They are written as differences that do not cancel, so that bins far out in a tail are right too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["exponential", "gauss", "power_law", "symmetric"]


def symmetric(t: np.ndarray, tail: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Returns probabilities of a symmetric distribution around zero.

    Args:
        t: The edges.
        tail: Gives the probability above a value that is not negative.
    """
    above = tail(np.abs(t))
    straddles = (t[:-1] < 0) != (t[1:] < 0)
    same_side = np.abs(above[1:] - above[:-1])
    return np.asarray(np.where(straddles, 1 - above[1:] - above[:-1], same_side))


def gauss(t: np.ndarray) -> np.ndarray:
    """Returns integrals of exp(-t^2/2)."""
    from scipy.special import ndtr

    return np.asarray(np.sqrt(2 * np.pi) * symmetric(t, lambda distance: ndtr(-distance)))


def power_law(distance: np.ndarray, n: float) -> np.ndarray:
    """Returns integrals of y^-n, given log(y), which is zero outside the tail; any n.

    With u = log(y), the integrand is exp((1 - n) u), which has no special case at n = 1.
    """
    return exponential(distance, 1 - n)


def exponential(u: np.ndarray, slope: float) -> np.ndarray:
    """Returns integrals of exp(slope * u), also at slope zero."""
    from scipy.special import exprel

    near = np.minimum(u[1:], u[:-1])
    width = np.abs(u[1:] - u[:-1])
    if slope > 0:  # from the larger end, so that nothing overflows that the integral does not
        return np.asarray(np.exp(slope * (near + width)) * width * exprel(-slope * width))
    return np.asarray(np.exp(slope * near) * width * exprel(slope * width))
