"""Minuit on a function of NumPy arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iminuit import Minuit  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from tau3mu.fit.likelihood import Limits

__all__ = ["Minuit", "minimize"]

ERRORDEF = 0.5  # by which a negative log-likelihood rises at one standard deviation
TOLERANCE = 1e-5  # estimated distance to the minimum


@dataclass(frozen=True)
class Fixed:
    """Stands for Minuit where no parameter is free: there is nothing to minimize."""

    fval: float
    parameters: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    edm: float = 0.0

    @property
    def fmin(self) -> Fixed:
        """Where Minuit says how close it came."""
        return self

    @property
    def valid(self) -> bool:
        """Whether the function is a number."""
        return math.isfinite(self.fval)


def minimize(
    function: Callable[[np.ndarray], float],
    start: Mapping[str, float],
    names: Sequence[str],
    steps: Mapping[str, float],
    limits: Limits,
    *,
    strategy: int = 0,
) -> Minuit:
    """Returns Minuit at the minimum that it found, and `Fixed` if no parameter changes.

    Where the function is not a number at the start, Minuit stays there and is not valid.

    Args:
        function: Of the parameters in the order of the names.
        start: Their values, and others.
        names: Which of them change.
        steps: How far to go first.
        limits: Of the parameters.
        strategy: That of Minuit; 0 is the fastest, and its errors are rough.
    """
    if not names:
        return Fixed(float(function(())))  # type: ignore[arg-type]  # a point without coordinates
    minuit = Minuit(function, [start[name] for name in names], name=names)
    for name in names:
        minuit.limits[name] = limits[name]
        minuit.errors[name] = steps[name]
    minuit.errordef, minuit.strategy = ERRORDEF, strategy
    minuit.tol = TOLERANCE / 0.002 / ERRORDEF  # Minuit multiplies by the two numbers
    if math.isfinite(function(minuit.values)):
        minuit.migrad()
    return minuit
