"""The peak of the signal in a channel, from its simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["peak_of"]

_WIDTHS: Final = 6.0  # around the median; beyond, combinations with other muons
_STEPS: Final = 200
_TAIL: Final = {"alpha": 10.0, "power": 10.0}  # of the Crystal Ball function: none


def peak_of(mass: Array, weight: Array) -> dict[str, float]:
    """Returns the peak of a model file: two Gaussians of one mean, of the largest likelihood.

    Args:
        mass: Of simulated signal in GeV.
        weight: Of each candidate; of negative ones the absolute values.
    """
    weight = np.abs(weight)
    order = np.argsort(mass)
    share = np.cumsum(weight[order]) / weight.sum()
    low, center, high = np.interp([0.16, 0.5, 0.84], share, mass[order])
    width = (high - low) / 2
    near = np.abs(mass - center) < _WIDTHS * width
    x, w = mass[near], weight[near] / weight[near].sum()
    mean, sigmas, fraction = float(center), np.array([0.7, 1.6]) * width, 0.6
    for _ in range(_STEPS):  # expectation and maximization, whose steps are known exactly
        parts = (
            np.array([fraction, 1 - fraction])[:, np.newaxis]
            * np.exp(-0.5 * ((x - mean) / sigmas[:, np.newaxis]) ** 2)
            / sigmas[:, np.newaxis]
        )
        belongs = parts / parts.sum(axis=0) * w
        precision = (belongs / sigmas[:, np.newaxis] ** 2).sum(axis=0)
        mean = float((precision * x).sum() / precision.sum())
        sigmas = np.sqrt((belongs * (x - mean) ** 2).sum(axis=1) / belongs.sum(axis=1))
        fraction = float(belongs[0].sum())
    return {"mean": mean, "sigma": float(sigmas[0]), "gauss": float(sigmas[1]),
            "fraction": fraction, **_TAIL}  # fmt: skip
