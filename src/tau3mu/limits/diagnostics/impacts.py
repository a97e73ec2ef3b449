"""Impacts: how far the signal strength moves with each nuisance, and how far each was pulled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import RunError
from tau3mu.limits.diagnostics.fitted import parameter_names
from tau3mu.limits.engine.minimize import inverted, minimize

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.diagnostics.fitted import Fitted

    Array = npt.NDArray[np.float64]

__all__ = ["Impact", "Impacts", "impacts_of", "measured"]


@dataclass(frozen=True)
class Impact:
    """A nuisance in the fit.

    Attributes:
        name: Of the parameter.
        value: Its fitted value.
        error: Its uncertainty after the fit.
        measured: What is known of it without the data: value and uncertainty; None if nothing is.
        down: By how much r changes with the parameter lower by its uncertainty.
        up: And with it higher.
    """

    name: str
    value: float
    error: float
    measured: tuple[float, float] | None
    down: float
    up: float

    @property
    def pull(self) -> float | None:
        """The distance to what was known, in units of that uncertainty."""
        if self.measured is None:
            return None
        return (self.value - self.measured[0]) / self.measured[1]

    @property
    def constraint(self) -> float | None:
        """The uncertainty after the fit over that of before."""
        return None if self.measured is None else self.error / self.measured[1]

    @property
    def size(self) -> float:
        """The larger of the two changes of r."""
        return max(abs(self.down), abs(self.up))


@dataclass(frozen=True)
class Impacts:
    """The impacts of all nuisances, the largest first.

    Attributes:
        best: The fitted r.
        error: Its uncertainty.
        statistical: That with all nuisances fixed.
        impacts: Of each nuisance.
        at_bound: Whether r is at its lower bound, so that impacts downward are too small.
    """

    best: float
    error: float
    statistical: float
    impacts: tuple[Impact, ...]
    at_bound: bool

    def to_dict(self) -> dict[str, Any]:
        """Returns the content for JSON."""
        return {
            "r": self.best,
            "error": self.error,
            "statistical": self.statistical,
            "systematic": float(np.sqrt(max(self.error**2 - self.statistical**2, 0.0))),
            "at_bound": self.at_bound,
            "nuisances": [
                {
                    "name": one.name,
                    "value": one.value,
                    "error": one.error,
                    "measured": None if one.measured is None else list(one.measured),
                    "pull": one.pull,
                    "constraint": one.constraint,
                    "down": one.down,
                    "up": one.up,
                }
                for one in self.impacts
            ],
        }


def impacts_of(fit: Fitted) -> Impacts:
    """Returns the impacts of nuisances, free normalizations, and constrained backgrounds.

    Each is fixed at its value plus and minus its uncertainty, and everything else is fitted again.

    Args:
        fit: With free r.

    Raises:
        RunError: A fit does not converge.
    """
    like, at, errors = fit.compiled.likelihood, fit.parameters, fit.errors
    known = measured(fit)
    chosen = np.array(sorted(known), np.intp)
    chosen = chosen[errors[chosen] > 0]
    number = len(chosen)
    statistical = _statistical(fit, list(known))
    if number == 0:
        return Impacts(at[0], float(errors[0]), statistical, (), fit.at_bound)
    side = np.repeat([-1.0, 1.0], number)
    which = np.tile(chosen, 2)
    # Where the other parameters go to first order, which is where the fits start.
    sets = at + side[:, None] * fit.covariance[which] / errors[which, None]
    rows = np.arange(2 * number)
    wanted = at[which] + side * errors[which]
    sets[rows, which] = np.clip(wanted, fit.low[which], like.high[which])
    fixed = np.zeros(sets.shape, bool)
    fixed[rows, which] = True
    found = minimize(like, fit.data.repeated(len(sets)), sets, fixed=fixed, low=fit.low)
    if not found.converged.all():
        name = parameter_names(like)[which[~found.converged][0]]
        message = f"the fit with {name} moved by its uncertainty has not converged"
        raise RunError(message, code="limits.not-converged")
    moved = found.parameters[:, 0] - at[0]
    names = parameter_names(like)
    made = [
        Impact(names[one], float(at[one]), float(errors[one]), known[int(one)], float(moved[n]),
               float(moved[number + n]))
        for n, one in enumerate(chosen)
    ]  # fmt: skip
    made.sort(key=lambda one: -one.size)
    return Impacts(float(at[0]), float(errors[0]), statistical, tuple(made), fit.at_bound)


def measured(fit: Fitted) -> dict[int, tuple[float, float] | None]:
    """Returns the indices of parameters that have impacts, with what is known of each.

    Args:
        fit: To the data.
    """
    like = fit.compiled.likelihood
    known: dict[int, tuple[float, float] | None] = {
        1 + n: (float(fit.data.nuisances[0, n]), 1.0) for n in range(len(like.nuisances))
    }
    begin = 1 + len(like.nuisances)
    known |= {begin + n: None for n in range(len(like.free))}
    if like.spectra:
        for row, column in zip(*np.nonzero(np.isfinite(like.spectra.widths)), strict=True):
            center = float(fit.data.backgrounds[0, row, column])
            width = float(like.spectra.widths[row, column])
            known[int(like.n_globals + row * like.n_spectra + column)] = (center, width)
    return known


def _statistical(fit: Fitted, nuisances: list[int]) -> float:
    """Returns the uncertainty of r with all nuisances fixed."""
    held = np.array(nuisances, np.intp)
    inverse = inverted(fit.covariance[None], np.diagonal(fit.covariance)[None] > 0)[0]
    free = np.diagonal(inverse) > 0
    free[held] = False
    return float(np.sqrt(inverted(inverse[None], free[None])[0][0, 0]))
