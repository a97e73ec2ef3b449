"""Toys in batches that are fitted together, the same for any number of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.engine.likelihood import Data, Likelihood

    Array = npt.NDArray[np.float64]

__all__ = ["LEAST", "Batch", "batches", "check_toys", "measured_again", "p_text", "share"]

LEAST: Final = 20
_POINTS_AT_ONCE: Final = 60_000
"""Points of all toys of a batch, so that the arrays stay in the cache."""
_LARGEST: Final = 200
_AT_95: Final = 2.996  # −ln 0.05, the limit on a mean of which nothing was seen


class Batch(NamedTuple):
    """Toys that are fitted together: which batch, and how many they are."""

    number: int
    size: int


def check_toys(toys: int) -> None:
    """Checks that there are no toys, or enough of them.

    Args:
        toys: How many there are.

    Raises:
        InputError: There are too few.
    """
    if toys and toys < LEAST:
        message = f"{toys} toys are too few for a p value; expected {LEAST} or more, or 0"
        raise InputError(message, code="limits.too-few-toys", path="toys")


def batches(toys: int, data: Data) -> list[Batch]:
    """Returns the batches of some toys.

    Args:
        toys: How many there are.
        data: Like that of each toy.
    """
    points = data.templates.shape[-1] + (0 if data.points is None else len(data.points.x))
    size = max(1, min(_LARGEST, _POINTS_AT_ONCE // max(1, points)))
    return [
        Batch(number, min(size, toys - first)) for number, first in enumerate(range(0, toys, size))
    ]


def measured_again(
    likelihood: Likelihood, truth: Array, centers: Array, size: int, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Returns what other measurements say in toys: of nuisances, and of constrained backgrounds.

    Args:
        likelihood: With the constraints.
        truth: One set of parameters.
        centers: The measured values of backgrounds in one experiment, 1 × L × C.
        size: How many toys there are.
        generator: Of random numbers.
    """
    theta = likelihood.theta(truth[None])[0]
    nuisances = generator.normal(theta, 1.0, (size, len(theta)))
    again = np.repeat(centers, size, axis=0)
    if likelihood.spectra:
        widths, values = likelihood.spectra.widths, likelihood.locals(truth[None])[0]
        known = likelihood.spectra.constrained(values[None])[0]
        again[:, known] = generator.normal(values[known], widths[known], (size, known.sum()))
    return nuisances, again


def share(toys: Array, value: float) -> tuple[float, float]:
    """Returns the part of toys that are as large as a value or larger, and its uncertainty.

    Args:
        toys: Values of a statistic; those that are not finite count nowhere.
        value: That of the data.
    """
    sound = toys[np.isfinite(toys)]
    tie = 1e-6 * max(abs(value), 1.0)
    above = int((sound >= value - tie).sum())
    part = above / max(len(sound), 1)
    # With no toy above, or all, the uncertainty is that of one.
    safe = min(max(above, 1), max(len(sound) - 1, 1)) / max(len(sound), 1)
    return part, float(np.sqrt(safe * (1 - safe) / max(len(sound), 1)))


def p_text(toys: Array, found: tuple[float, float]) -> str:
    """Returns a p value in words: `= 0.040 ± 0.020`, or a limit at 95 % if no toy is above.

    Args:
        toys: Values of a statistic.
        found: Their share above that of the data, and its uncertainty.
    """
    value, error = found
    if value > 0:
        return f"= {value:.3g} ± {error:.1g}"
    return f"< {_AT_95 / np.isfinite(toys).sum():.2g} (95 % CL)"
