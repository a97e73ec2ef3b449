"""What a fit found: numbers, whether they can be trusted, and why not."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["FitResult", "Minimum", "ParameterResult"]


@dataclass(frozen=True)
class ParameterResult:
    """A parameter at the minimum.

    There is no error for a fixed parameter, for one at a limit, and where the covariance could not
    be calculated.
    """

    value: float
    error: float | None
    limits: tuple[float, float] | None
    at_limit: bool
    fixed: bool
    is_yield: bool

    @property
    def text(self) -> str:
        """The value and its error, rounded to two digits of the error, or why there is none."""
        if self.error is None:
            remark = "fixed" if self.fixed else "at limit" if self.at_limit else "no error"
            return f"{self.value:.4g} ({remark})"
        exponent = math.floor(math.log10(self.error)) if self.error > 0 else 0
        digits = max(0, 1 - exponent)
        return f"{self.value:.{digits}f} ± {self.error:.{digits}f}"


@dataclass(frozen=True)
class Minimum:
    """A minimum of the likelihood, and how many of the starts ended there.

    `delta_nll` is its distance to the best one; 0.5 is one standard deviation.
    """

    delta_nll: float
    starts: int
    values: dict[str, float]
    at_limit: tuple[str, ...]


@dataclass(frozen=True)
class FitResult:
    """The result of a fit.

    `valid` says whether values and errors can be used: the best minimum has converged, its
    covariance is accurate, and no limit of a parameter holds it back. (A parameter may lie at a
    limit where the likelihood does not depend on it any more, like the tail of a peak that has
    none; this is reported and leaves the rest valid.) `status` is the first reason against it, or
    "ok", and `messages` says in words all that is not as it should be.

    Covariance and correlation are those of `covariance_parameters`; `covariance_quality` counts
    as in Minuit: 3 accurate, 2 made positive definite, 1 approximate, 0 not there. `nll` is the
    negative logarithm of the full Poisson likelihood; `chi2` is Pearson's, from the integrals over
    the bins, and `ndf` the number of bins less that of the free parameters.
    """

    model: str
    valid: bool
    status: str
    messages: tuple[str, ...]
    converged: bool
    edm: float
    nll: float
    chi2: float
    ndf: int
    entries: float
    parameters: dict[str, ParameterResult]
    covariance_quality: int
    covariance_parameters: tuple[str, ...]
    covariance: tuple[tuple[float, ...], ...]
    correlation: tuple[tuple[float, ...], ...]
    minima: tuple[Minimum, ...]
    failed_starts: int
    fit_seconds: float
    model_hash: str
    data_hash: str
    versions: dict[str, str]

    @property
    def yields(self) -> dict[str, ParameterResult]:
        """The parameters that are yields."""
        return {name: p for name, p in self.parameters.items() if p.is_yield}

    @property
    def values(self) -> dict[str, float]:
        """The values of all parameters."""
        return {name: parameter.value for name, parameter in self.parameters.items()}

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as what JSON knows: dicts, lists, numbers, text."""
        return asdict(self)
