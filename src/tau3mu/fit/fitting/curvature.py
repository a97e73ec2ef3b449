"""The matrix of second derivatives at the minimum, from central differences.

Minuit's Hesse iterates its steps until the second derivatives change by less than 5 %, and takes
the mixed ones from one side. Where parameters are strongly correlated, as the tails of a peak are,
that leaves uncertainties that are wrong by several percent. Here the steps go along directions in
which the parameters are uncorrelated and have the same scale, which Minuit's covariance gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["inverse_curvature"]

_STEP = 0.01  # of a standard deviation: far above the rounding, far below a change of curvature
_TIMES = 3
_ROUND = 2.0  # up to this factor the directions are scaled well enough


def inverse_curvature(
    function: Callable[[np.ndarray], float],
    point: np.ndarray,
    matrix: np.ndarray,
    limits: np.ndarray,
) -> np.ndarray | None:
    """Returns the inverse of the second derivatives, None if there is no parabola at the minimum.

    That is so if they are not positive definite, or a standard deviation is larger than the range
    between the limits: the function is flat there, and its derivatives are chance.

    Args:
        function: The loss; it is called inside of the limits only.
        point: The minimum.
        matrix: A rough covariance, which scales the steps.
        limits: The lower and the upper limits of the parameters, 2 x parameters.
    """
    for _ in range(_TIMES):
        try:
            scale = np.linalg.cholesky(matrix)
            curvature = _second_derivatives(function, point, scale, limits)
            if not np.all(np.isfinite(curvature)):
                return None
            spread = np.linalg.eigvalsh(curvature)
            if spread[0] <= 0:
                return None
            matrix = scale @ np.linalg.inv(curvature) @ scale.T
            matrix = (matrix + matrix.T) / 2
            if np.any(np.diag(matrix) > (limits[1] - limits[0]) ** 2):
                return None
        except np.linalg.LinAlgError:
            return None
        if spread[0] > 1 / _ROUND and spread[-1] < _ROUND:
            break
    return np.asarray(matrix)


def _second_derivatives(
    function: Callable[[np.ndarray], float],
    point: np.ndarray,
    scale: np.ndarray,
    limits: np.ndarray,
) -> np.ndarray:
    """Returns the second derivatives along the columns of `scale`."""
    room = np.minimum(point - limits[0], limits[1] - point)
    reach = 2 * np.abs(scale).max(axis=1)  # of two steps at once
    step = min(_STEP, float(np.min(room / reach)))
    shifts = step * scale.T
    center = function(point)
    sums = np.array([function(point + s) + function(point - s) - 2 * center for s in shifts])
    result = np.diag(sums)
    for i, shift in enumerate(shifts):
        for j in range(i):
            both = shift + shifts[j]
            mixed = function(point + both) + function(point - both) - 2 * center
            result[i, j] = result[j, i] = (mixed - sums[i] - sums[j]) / 2
    return np.asarray(result / step**2)
