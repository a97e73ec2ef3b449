"""The same likelihood in zfit: its pdfs, its loss, its Minuit. This gives the results.

Building an engine makes TensorFlow compile graphs, which takes about a second; data of the same
form (the same bins, or entries in the same ranges) then use them again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tau3mu.fit.backend import Minuit, zfit
from tau3mu.fit.data import Binned
from tau3mu.fit.likelihood.parameters import Parameters
from tau3mu.fit.likelihood.zfit_losses import build_loss, build_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.data import Unbinned
    from tau3mu.fit.language import FitModel
    from tau3mu.fit.likelihood.parameters import Limits

__all__ = ["ZfitEngine", "zfit_engine"]

TOLERANCE = 1e-5  # estimated distance to the minimum; zfit's default of 1e-3 is 0.02 sigma off

_ENGINES = 4  # kept compiled; TensorFlow does not give back what one of them took (17 MB)


class ZfitEngine:
    """zfit's model, loss and minimizer for one model and data of one form."""

    def __init__(self, model: FitModel, data: Mapping[str, Binned | Unbinned]) -> None:
        """Builds the zfit parameters, the pdfs of all spectra and the loss."""
        self._parameters = Parameters(model)
        self.zfit_parameters = build_parameters(self._parameters)
        self.loss = build_loss(model, data, self.zfit_parameters)

    def load(self, data: Mapping[str, Binned | Unbinned]) -> None:
        """Replaces the data by others of the same form."""
        for sampler, sample in zip(self.loss.data, data.values(), strict=True):
            if isinstance(sample, Binned):
                used = sample.used
                sampler.update_data(sample.contents[used], sample.variances[used])
            else:
                sampler.update_data(sample.values, weights=sample.weights)

    def minimize(
        self, start: Mapping[str, float], steps: Mapping[str, float], limits: Limits
    ) -> Minuit:
        """Minimizes zfit's loss with respect to all free parameters.

        Args:
            start: The values of the free parameters.
            steps: How far Minuit tries to go first.
            limits: Of the free parameters.
        """
        parameters = [self.zfit_parameters[name] for name in self._parameters.free]
        for parameter in parameters:
            parameter.set_value(start[parameter.name])
            parameter.stepsize = steps[parameter.name]
        # Graphs keep the limits that parameters have when they are compiled, and other data have
        # others: so the graph is compiled here, and limits last as long as the minimisation.
        self.loss.value(full=False)
        try:
            for parameter in parameters:
                parameter.lower, parameter.upper = limits[parameter.name]
            minimizer = zfit.minimize.Minuit(tol=TOLERANCE, gradient=True)
            result: Minuit = minimizer.minimize(self.loss).info["minuit"]
        finally:
            for parameter in parameters:
                parameter.lower = parameter.upper = None
        return result


def zfit_engine(model: FitModel, data: Mapping[str, Binned | Unbinned]) -> ZfitEngine:
    """Returns an engine that has loaded the data; a compiled one, if there is one that fits."""
    form = tuple(
        (sample.edges.tobytes(), sample.used.tobytes())
        if isinstance(sample, Binned)
        else (sample.intervals, sample.weights is None)
        for sample in data.values()
    )
    # Templates and pdfs of users come from files, which the hash of the model does not know.
    components = [c for part in model.parts.values() for c in part.components.values()]
    pdfs = tuple(shape.definition for c in components for _, shape in c.shapes())
    engine = _engine(_Recipe(model, dict(data), (model.hash, pdfs, form)))
    engine.load(data)
    return engine


class _Recipe:
    """A model and data, equal to others from which the same graphs follow."""

    def __init__(
        self, model: FitModel, data: dict[str, Binned | Unbinned], key: tuple[Any, ...]
    ) -> None:
        self.model, self.data, self.key = model, data, key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Recipe) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=_ENGINES)
def _engine(recipe: _Recipe) -> ZfitEngine:
    return ZfitEngine(recipe.model, recipe.data)
