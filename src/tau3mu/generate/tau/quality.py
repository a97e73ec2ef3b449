"""What tells true triplets from others, and by how much: the truth behind the toys.

Each quantity is the exponential, or for compatibilities the logistic function, of a normal number.
The numbers of a triplet are correlated, and their means, widths and correlations depend on its
class alone. So the ratio of the likelihoods of two classes is known exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["CLASSES", "QUANTITIES", "draw_numbers", "from_numbers", "log_density", "to_numbers"]

QUANTITIES: Final = (
    "pointing_angle",
    "vertex_chi2_per_dof",
    "min_dca_iso",
    "max_trk_kink",
    "max_chi2_local_position",
    "max_trk_rel_chi2",
    "min_segment_compatibility",
    "min_dxy_significance",
    "max_dxy_significance",
)
_LOGISTIC: Final = QUANTITIES.index("min_segment_compatibility")
_LOWEST, _HIGHEST = QUANTITIES.index("min_dxy_significance"), QUANTITIES.index(
    "max_dxy_significance")  # fmt: skip

CLASSES: Final = ("signal", "fake", "combination")
_MEANS: Final = np.array(
    [
        [np.log(0.012), np.log(0.6), np.log(0.040), np.log(6.0), np.log(2.0), np.log(1.0),
         1.2, np.log(2.0), np.log(2.5)],
        [np.log(0.025), np.log(1.2), np.log(0.018), np.log(13.0), np.log(6.0), np.log(1.5),
         -0.5, np.log(1.3), np.log(2.5)],
        [np.log(0.040), np.log(1.8), np.log(0.015), np.log(10.0), np.log(4.5), np.log(1.3),
         0.0, np.log(1.2), np.log(2.8)],
    ]
)  # fmt: skip
_WIDTHS: Final = np.array(
    [
        [0.75, 0.9, 0.8, 0.6, 0.8, 0.35, 1.0, 0.8, 0.6],
        [0.90, 1.0, 0.9, 0.8, 1.0, 0.50, 1.2, 0.9, 0.6],
        [0.90, 1.1, 0.9, 0.8, 1.0, 0.45, 1.2, 0.9, 0.6],
    ]
)
_CORRELATED: Final = {
    ("pointing_angle", "vertex_chi2_per_dof"): (0.3, 0.2, 0.2),
    ("pointing_angle", "min_dca_iso"): (-0.1, -0.2, -0.2),
    ("max_trk_kink", "max_trk_rel_chi2"): (0.4, 0.5, 0.5),
    ("max_trk_kink", "max_chi2_local_position"): (0.3, 0.4, 0.4),
    ("max_chi2_local_position", "max_trk_rel_chi2"): (0.3, 0.4, 0.4),
    ("max_chi2_local_position", "min_segment_compatibility"): (-0.2, -0.3, -0.3),
}
"""Coefficients of correlation in each class; all others are 0."""


def _covariances() -> NDArray[np.float64]:
    found = np.repeat(np.eye(len(QUANTITIES))[np.newaxis], len(CLASSES), axis=0)
    for (one, other), values in _CORRELATED.items():
        i, j = QUANTITIES.index(one), QUANTITIES.index(other)
        found[:, i, j] = found[:, j, i] = values
    covariances: NDArray[np.float64] = found * _WIDTHS[:, :, np.newaxis] * _WIDTHS[:, np.newaxis]
    return covariances


_COVARIANCES: Final = _covariances()
_ROOTS: Final = np.linalg.cholesky(_COVARIANCES)


def draw_numbers(rng: Generator, classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the normal numbers of triplets, triplets × quantities.

    Args:
        rng: The source of the random numbers.
        classes: The class of each triplet, as its index in `CLASSES`.
    """
    normal = rng.standard_normal((len(classes), len(QUANTITIES)))
    numbers = _MEANS[classes]
    for number, root in enumerate(_ROOTS):
        here = classes == number
        numbers[here] += normal[here] @ root.T
    return numbers


def from_numbers(numbers: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Returns the quantities of triplets.

    Args:
        numbers: Triplets × quantities.
    """
    values = np.exp(numbers)
    values[:, _LOGISTIC] = values[:, _LOGISTIC] / (1 + values[:, _LOGISTIC])
    values[:, _HIGHEST] = values[:, _LOWEST] * (1 + values[:, _HIGHEST])
    return dict(zip(QUANTITIES, values.T, strict=True))


def to_numbers(quantities: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Returns the normal numbers behind quantities, triplets × quantities.

    Args:
        quantities: By name, one value per triplet.
    """
    values = np.array([quantities[name] for name in QUANTITIES], np.float64).T
    values[:, _LOGISTIC] = values[:, _LOGISTIC] / (1 - values[:, _LOGISTIC])
    values[:, _HIGHEST] = values[:, _HIGHEST] / values[:, _LOWEST] - 1
    return np.asarray(np.log(values))


def log_density(numbers: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Returns the logarithm of the density of a class, up to a constant of all classes.

    Args:
        numbers: Triplets × quantities.
        name: That of the class.
    """
    number = CLASSES.index(name)
    pulls = np.linalg.solve(_ROOTS[number], (numbers - _MEANS[number]).T)
    return np.asarray(-0.5 * (pulls**2).sum(axis=0) - np.log(np.diag(_ROOTS[number])).sum())
