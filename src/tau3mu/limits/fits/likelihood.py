"""Limits on a parameter of a fit file: a yield, or what yields follow from.

The likelihood is that of the fit, which is zfit's up to a constant, and Minuit minimizes it. The
statistic is q̃ as for model files: where the fit may go below zero, a best fit there is compared
with zero, since no signal has less than nothing. Asymptotically, CLs of q̃ is that of q, whose best
fit stays below zero (Cowan, Cranmer, Gross, Vitells 2011, section 3.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.errors import RunError
from tau3mu.fit.data import Binned, Unbinned
from tau3mu.fit.data.sample import covered, split
from tau3mu.fit.data.windows import kept
from tau3mu.fit.fitting.search import first_steps, in_bins, search
from tau3mu.fit.language.parts import Parameter
from tau3mu.fit.likelihood import Objective, expected
from tau3mu.fit.studies.scans import profiled
from tau3mu.limits.asymptotic import Profile
from tau3mu.limits.engine.minimize import Minimum

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tau3mu.fit.data.sample import Interval
    from tau3mu.fit.language import FitModel, SpectrumModel

    Array = npt.NDArray[np.float64]
    Sample = Binned | Unbinned

__all__ = ["FitLikelihood", "asimov", "at_zero", "measured_at", "opened"]

_FINE: Final = 2000  # bins of Asimov data of single entries
_LOWER: Final = 1e-3  # of −ln L: another minimum, not a fit that ended early
_MARGIN: Final = 1e-6  # of the range between limits, which Minuit could not leave


def opened(model: FitModel) -> tuple[FitModel, dict[str, tuple[Interval, ...]]]:
    """Returns a model without blinded windows, and the windows by spectrum.

    Args:
        model: The fit.
    """
    windows = {name: part.blind for name, part in model.parts.items()}
    if model.spectra is None:
        return model.model_copy(update={"blind": ()}), windows
    spectra = {n: part.model_copy(update={"blind": ()}) for n, part in model.spectra.items()}
    return model.model_copy(update={"spectra": spectra}), windows


def asimov(
    model: FitModel, data: Mapping[str, Sample], values: Mapping[str, float]
) -> dict[str, Sample]:
    """Returns data that are what a model expects, in the bins of data.

    Args:
        model: Without the windows that are blinded in the data.
        data: Single entries become fine bins.
        values: Of all parameters.
    """
    found: dict[str, Sample] = {}
    for name, sample in data.items():
        edges, used = _bins(model.parts[name], sample, name)
        counts = np.maximum(expected(model, name, values, edges).sum(axis=0), 0.0)
        found[name] = Binned(edges, counts, counts, used)
    return found


def measured_at(model: FitModel, values: Mapping[str, float]) -> FitModel:
    """Returns a model whose constraints are measured to be what they are in a fit.

    Args:
        model: With constraints.
        values: Of all parameters.
    """
    parameters = {
        name: one
        if one.constraint is None
        else one.model_copy(
            update={"constraint": one.constraint.model_copy(update={"mean": values[name]})}
        )
        for name, one in model.parameters.items()
    }
    return model.model_copy(update={"parameters": parameters})


def _bins(part: SpectrumModel, sample: Sample, name: str) -> tuple[Array, npt.NDArray[np.bool_]]:
    if isinstance(sample, Binned):
        edges = sample.edges
        return edges, covered(edges, kept((float(edges[0]), float(edges[-1])), part, name))
    intervals = kept(part.observable.range, part, name)
    edges = split(np.linspace(*part.observable.range, _FINE + 1), intervals)
    return edges, covered(edges, intervals)


def at_zero(model: FitModel, data: Mapping[str, Sample], poi: str) -> dict[str, float]:
    """Returns the values of all parameters in the best fit without signal.

    Args:
        model: The fit.
        data: What is fitted.
        poi: The parameter that is zero.

    Raises:
        RunError: No fit converges.
    """
    none = {**model.parameters, poi: Parameter(value=0.0, fixed=True)}
    return _lowest(Objective(model.model_copy(update={"parameters": none}), data))


def _lowest(objective: Objective) -> dict[str, float]:
    begun = search(in_bins(objective))[0]
    if in_bins(objective) is objective and begun.converged:
        return begun.values
    value, found = profiled(objective, begun.values, list(objective.parameters.free))
    if not np.isfinite(value):
        message = f"fit {objective.model.name}: the fit of the data has not converged"
        raise RunError(message, code="limits.not-converged")
    return {name: float(one) for name, one in objective.parameters.complete(found).items()}


@dataclass(frozen=True)
class FitLikelihood:
    """The likelihood of a fit for one set of data, along its parameter of interest.

    Attributes:
        objective: The likelihood.
        poi: The parameter, called r here.
    """

    objective: Objective
    poi: str

    @property
    def names(self) -> tuple[str, ...]:
        """The free parameters, r first: the columns of `Minimum.parameters`."""
        return (self.poi, *(n for n in self.objective.parameters.free if n != self.poi))

    def profile(self, background: Mapping[str, float], *, free: bool) -> tuple[Profile, float]:
        """Returns the profile and the best fit of r, which may be below zero.

        Args:
            background: Values of all parameters in the best fit without signal.
            free: Whether r is fitted; else the best fit is where r = 0, as of Asimov data.

        Raises:
            RunError: A fit does not converge.
        """
        zero = self.held(np.zeros(1), self._point(background))
        if not free:
            return Profile(zero, self.held), 0.0
        best = self._point(_lowest(self.objective))[None]
        value = np.array([self._value(best[0])])
        found = Minimum(best, value, np.ones(1, bool), np.zeros(1), np.zeros(1, np.intp))
        if zero.value[0] < value[0]:
            found = zero
        at = float(found.parameters[0, 0])
        lowest = float(found.value[0])

        def held(r: Array, start: Array) -> Minimum:
            fits = self.held(r, start)
            if (fits.value < lowest - _LOWER).any():
                worst = float(r[np.argmin(fits.value)])
                message = (
                    f"fit {self.objective.model.name}: the likelihood with {self.poi} = "
                    f"{worst:g} is larger than in the best fit: give method.starts more starts"
                )
                raise RunError(message, code="limits.not-lowest", path="method.starts")
            return fits

        # q̃: no signal is less than nothing, whatever the fit may do.
        return Profile(zero if at < 0 else found, self.held if at < 0 else held), at

    def held(self, r: Array, start: Array) -> Minimum:
        """Returns the fits with fixed values of r, each from where the one before has ended.

        Args:
            r: The values.
            start: The free parameters where the first begins.

        Raises:
            RunError: A fit does not converge.
        """
        names, others = self.names, list(self.names[1:])
        points, values = [], []
        for value in r:
            begin = self._inside(dict(zip(names, start, strict=True)) | {self.poi: float(value)})
            rise, found = profiled(self.objective, begin, others)
            if not np.isfinite(rise):
                message = (
                    f"fit {self.objective.model.name}: the fit with {self.poi} = {value:g} has not "
                    "converged"
                )
                raise RunError(message, code="limits.not-converged")
            start = np.array([found[name] for name in names])
            points.append(start)
            values.append(rise)
        size = len(points)
        return Minimum(
            np.reshape(points, (size, len(names))), np.array(values), np.ones(size, bool),
            np.zeros(size), np.zeros(size, np.intp),
        )  # fmt: skip

    @property
    def guess(self) -> float:
        """A value of r of the order of the limits."""
        return first_steps(self.objective)[self.poi]

    def _point(self, values: Mapping[str, float]) -> Array:
        return np.array([values[name] for name in self.names])

    def _value(self, point: Array) -> float:
        values = dict(zip(self.names, point, strict=True))
        return float(self.objective.at(self.objective.parameters.complete(values)))

    def _inside(self, values: dict[str, float]) -> dict[str, float]:
        inside = dict(values)
        for name, (low, high) in self.objective.limits.items():
            margin = _MARGIN * (high - low)
            if name != self.poi and name in values:
                inside[name] = float(np.clip(values[name], low + margin, high - margin))
        return inside
