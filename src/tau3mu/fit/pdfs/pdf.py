"""What a pdf is to the fit engine: its parameters, its formula and, where known, its integral."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Array", "Function", "Pdf"]

Array = Any  # of NumPy or of TensorFlow, which has no type hints
Function = Callable[..., Any]


@dataclass(frozen=True)
class Pdf:
    """A family of probability densities of one variable.

    `formula(x, *parameters, xp)` returns the density at `x`, up to a factor that does not depend on
    `x`. It is written once and evaluated twice: with NumPy as `xp`, and with zfit's TensorFlow
    version of it. `integral(edges, *parameters)` returns the integrals of the same function between
    neighboring edges; it is for NumPy alone and given where quadrature would be slower or less
    exact. The parameters are in the order of `parameters`; the one called `coefficients`, if there
    is any, is a sequence.
    """

    name: str
    parameters: tuple[str, ...]
    formula: Function
    description: str
    """For the reference of the model language: the formula in one or two sentences."""
    positive: tuple[str, ...] = ()
    """The parameters that have no meaning at zero or below."""
    peaks: bool = False
    """Whether it is a peak, which plots fill, or a continuum, which they draw as a line."""
    scaled: bool = False
    """Whether `x` comes mapped to -1 ... 1 over the range of the observable."""
    centered: bool = False
    """Whether `x` comes from the middle of the range of the observable, so that it stays small."""
    integral: Function | None = None
    kinks: Function | None = None
    """`kinks(*parameters)` returns the positions where the formula is not smooth, at which
    quadrature has to be divided."""
    zfit_name: str | None = None
    """The class of `zfit.pdf` that is the same function with the same names of parameters."""
