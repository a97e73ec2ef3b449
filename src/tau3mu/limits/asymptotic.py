"""Limits by asymptotic formulas (Cowan, Cranmer, Gross, Vitells 2011).

The test statistic of limits is that of the LHC, q̃: 0 where the best fit is above the tested r,
and r̂ is not below 0. CLs = p(s+b) / p(b).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq
from scipy.stats import norm

from tau3mu.errors import InputError, RunError
from tau3mu.limits.engine.minimize import Minimum, minimize

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.engine.likelihood import Data, Likelihood

    Array = npt.NDArray[np.float64]

__all__ = ["QUANTILES", "Profile", "Scan", "asymptotic_limits", "limits_of", "profile",
           "unconditional"]  # fmt: skip

QUANTILES: Final = (-2, -1, 0, 1, 2)
"""The quantiles of expected limits, in σ of a background that fluctuates."""

_POINTS: Final = 13
_BEYOND: Final = 0.4  # √q at the end of a scan, above the largest that is needed
_MOST_DOUBLINGS: Final = 60


@dataclass(frozen=True)
class Scan:
    """2 Δ(−ln L) of fits with fixed r, over that of the best fit.

    Attributes:
        r: The points, ascending.
        q: Of each.
        fits: The fits.
    """

    r: Array
    q: Array
    fits: Minimum

    def root(self) -> PchipInterpolator:
        """Returns √q as a function of r."""
        return PchipInterpolator(self.r, np.sqrt(np.maximum(self.q, 0.0)))


def profile(likelihood: Likelihood, data: Data, r: Array, start: Array) -> Minimum:
    """Returns the fits with fixed values of r.

    Args:
        likelihood: −ln L.
        data: Of one experiment.
        r: The values.
        start: One set of parameters, where fits start.

    Raises:
        RunError: A fit does not converge.
    """
    sets = np.repeat(start[None], len(r), axis=0)
    sets[:, 0] = r
    fixed = np.zeros(likelihood.size, bool)
    fixed[0] = True
    return _sound(minimize(likelihood, data.repeated(len(r)), sets, fixed=fixed))


def unconditional(
    likelihood: Likelihood, data: Data, start: Array, *, lowest: float | None = None
) -> Minimum:
    """Returns the best fit with free r.

    Args:
        likelihood: −ln L.
        data: Of one experiment.
        start: One set of parameters.
        lowest: The lower bound of r, 0 by default.

    Raises:
        RunError: The fit does not converge.
    """
    low = likelihood.low if lowest is None else np.append(lowest, likelihood.low[1:])
    return _sound(minimize(likelihood, data, start[None], low=low))


def _sound(minimum: Minimum) -> Minimum:
    if not minimum.converged.all():
        r = ", ".join(f"{one:g}" for one in minimum.parameters[~minimum.converged, 0])
        message = (
            f"the fits with r = {r} have not converged; look whether the data are near to what the "
            "model expects, and what `python -m tau3mu.limits check` warns of"
        )
        raise RunError(message, code="limits.not-converged")
    return minimum


@dataclass(frozen=True)
class Profile:
    """The likelihood of one experiment along r.

    Attributes:
        best: The best fit with r of 0 or more.
        at: The fits with fixed values of r, from a set of parameters where they start.
    """

    best: Minimum
    at: Callable[[Array, Array], Minimum]

    def scan(self, guess: float, reach: float) -> Scan:
        """Returns √q from the best fit up to where it is `reach`, or somewhat more.

        Args:
            guess: How far that is, roughly.
            reach: In standard deviations.

        Raises:
            RunError: A fit does not converge.
            InputError: The data do not depend on r.
        """
        start, value = self.best.parameters[0], float(self.best.value[0])
        lowest = float(start[0])
        step = guess
        for _ in range(_MOST_DOUBLINGS):
            reached = self.at(np.array([lowest + step]), start)
            root = np.sqrt(max(2 * (reached.value[0] - value), 0.0))
            if reach <= root <= 1.5 * reach:
                break
            step *= min(max(1.2 * reach / root, 0.1), 4.0) if root > 0 else 4.0
        else:
            message = "no value of r is excluded: the data do not depend on the signal"
            raise InputError(message, code="limits.no-sensitivity", path="strength")
        r = lowest + step * np.linspace(0, 1, _POINTS) ** 1.5
        every = self.best.joined(self.at(r[1:], start))
        return Scan(r, 2 * (every.value - value), every)

    def finer(self, scan: Scan, r: list[float]) -> Scan:
        """Returns a scan with more points.

        Args:
            scan: Of this profile.
            r: The points.

        Raises:
            RunError: A fit does not converge.
        """
        more = np.setdiff1d(r, scan.r)
        fits = self.at(more, scan.fits.parameters[0])
        every, order = np.append(scan.r, more), np.argsort(np.append(scan.r, more))
        joined = scan.fits.joined(fits)
        q = 2 * (joined.value - scan.fits.value[0])
        return Scan(every[order], q[order], joined[order])


@dataclass(frozen=True)
class Asymptotic:
    """Limits by asymptotic formulas, in units of r.

    Attributes:
        cl: The confidence level.
        expected: By quantile.
        observed: The observed limit, None without data.
        best: The best fit of r to the data and its uncertainty.
        asimov: √q of background alone.
        scan: √q of the data.
    """

    cl: float
    expected: dict[int, float]
    observed: float | None
    best: float | None
    asimov: Scan
    scan: Scan | None

    def cls(self, name: str) -> Callable[[float], float]:
        """Returns CLs as a function of r.

        Args:
            name: A quantile such as `-1`, or `observed`.
        """
        asimov = self.asimov.root()
        last = self.asimov.r[-1]

        def root(r: float) -> float:  # beyond the scan, √q is as good as linear
            return float(asimov(r)) if r <= last else float(asimov(last)) * r / last

        if name != "observed":
            n = int(name)
            return lambda r: float(norm.sf(root(r) - n) / norm.cdf(n))
        assert self.scan is not None
        data, first, end = self.scan.root(), self.scan.r[0], self.scan.r[-1]

        def observed(r: float) -> float:
            if r <= first:
                return 1.0
            q = float(data(r)) ** 2 if r <= end else (float(data(end)) * r / end) ** 2
            return _cls(q, root(r) ** 2)

        return observed


def _cls(q: float, asimov: float) -> float:
    """Returns CLs of a value of q̃, given that of the Asimov data."""
    if q <= asimov:
        both, background = np.sqrt(q), np.sqrt(q) - np.sqrt(asimov)
    else:
        both = (q + asimov) / (2 * np.sqrt(asimov))
        background = (q - asimov) / (2 * np.sqrt(asimov))
    return float(norm.sf(both) / norm.sf(background))


def asymptotic_limits(compiled: Compiled, cl: float) -> Asymptotic:
    """Returns expected limits, and the observed one if the data were read.

    Args:
        compiled: The model.
        cl: The confidence level, such as 0.9.

    Raises:
        RunError: A fit does not converge.
        InputError: The data do not depend on the signal.
    """
    like, given = compiled.likelihood, compiled.observed
    background = like.start.copy()
    background[0] = 0.0
    seen = None
    if given is not None:
        background = profile(like, given, np.zeros(1), background).parameters[0]
        seen = Profile(
            unconditional(like, given, background),
            lambda r, start: profile(like, given, r, start),
        )
    data = compiled.asimov(background)
    expected = Profile(
        profile(like, data, np.zeros(1), background),
        lambda r, start: profile(like, data, r, start),
    )
    return limits_of(cl, compiled.model.strength.start, expected, seen)


def limits_of(cl: float, guess: float, asimov: Profile, data: Profile | None) -> Asymptotic:
    """Returns expected limits, and the observed one if there are data.

    Args:
        cl: The confidence level.
        guess: A value of r of the order of the limits.
        asimov: Of the background alone, whose best fit has r = 0.
        data: Of what was observed.

    Raises:
        RunError: A fit does not converge.
        InputError: The data do not depend on r.
    """
    alpha = 1 - cl
    targets = {n: float(n + norm.ppf(1 - alpha * norm.cdf(n))) for n in QUANTILES}
    reach = targets[QUANTILES[-1]] + _BEYOND
    scan = asimov.scan(guess, reach)

    def excluded() -> dict[int, float]:
        root, last = scan.root(), scan.r[-1]
        return {
            n: float(brentq(lambda r, t=t: float(root(r)) - t, 0.0, last, xtol=1e-14 * last))
            for n, t in targets.items()
        }

    scan = asimov.finer(scan, list(excluded().values()))
    expected = excluded()
    if data is None:
        return Asymptotic(cl, expected, None, None, scan, None)
    root = scan.root()
    found = data.scan(guess, reach)
    found = data.finer(found, [_observed_limit(found, root, alpha)])
    observed = _observed_limit(found, root, alpha)
    return Asymptotic(cl, expected, observed, float(data.best.parameters[0, 0]), scan, found)


def _observed_limit(scan: Scan, asimov: PchipInterpolator, alpha: float) -> float:
    """Returns where CLs of q̃ falls to α."""
    data = scan.root()

    def excess(r: float) -> float:
        return float(np.log(_cls(float(data(r)) ** 2, float(asimov(r)) ** 2) / alpha))

    low, high = float(scan.r[0]), float(scan.r[-1])
    low = max(low, 1e-9 * high)
    return float(brentq(excess, low, high, xtol=1e-12))
