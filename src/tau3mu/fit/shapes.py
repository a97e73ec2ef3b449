"""The shapes of the model language: their names and parameters, without zfit.

How a shape is integrated over bins is in `tau3mu.fit.integrals`, under the same name.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True)
class Shape:
    """What a fit file has to know of a shape."""

    parameters: tuple[str, ...]
    positive: tuple[str, ...]
    """The parameters that have no meaning at zero or below."""
    peaks: bool
    """Whether it is a peak, which plots fill, or a continuum, which they draw as a line."""


SHAPES = {
    "CrystalBall": Shape(("mu", "sigma", "alpha", "n"), positive=("sigma", "n"), peaks=True),
    "Exponential": Shape(("slope",), positive=(), peaks=False),
}
"""CrystalBall: a Gaussian with a power-law tail that begins `alpha` widths from the mean, on the
left for a positive and on the right for a negative `alpha`; Exponential: exp(slope * x)."""
