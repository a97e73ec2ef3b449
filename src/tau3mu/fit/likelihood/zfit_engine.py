"""The same likelihood in zfit: its pdfs, its loss, its Minuit. This gives the results.

Building an engine makes TensorFlow compile graphs, which takes about a second; data of the same
form (the same bins, or entries in the same ranges) then use them again.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import add
from typing import TYPE_CHECKING, Any

from tau3mu.fit.backend import Minuit, zfit, znp
from tau3mu.fit.data import Binned
from tau3mu.fit.likelihood.objective import constraint_loss
from tau3mu.fit.likelihood.parameters import Parameters
from tau3mu.fit.likelihood.zfit_spectra import BinnedSpectrum, UnbinnedSpectrum

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
        self.model = model
        self._parameters = Parameters(model)
        self.zfit_parameters = self._build_parameters()
        self.spectra = {name: self._build(name, sample) for name, sample in data.items()}
        self.loss = self._build_loss()

    def load(self, data: Mapping[str, Binned | Unbinned]) -> None:
        """Takes other data of the same form."""
        for name, sample in data.items():
            self.spectra[name].load(sample)  # type: ignore[arg-type]  # of the same form

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

    def _build(self, name: str, sample: Binned | Unbinned) -> BinnedSpectrum | UnbinnedSpectrum:
        part = self.model.parts[name]
        negative = bool(self.model.negative_yields)
        if isinstance(sample, Binned):
            chi2 = self.model.method.loss == "chi2"
            return BinnedSpectrum(part, self.zfit_parameters, sample, chi2=chi2, negative=negative)
        return UnbinnedSpectrum(part, self.zfit_parameters, sample, negative=negative)

    def _build_loss(self) -> Any:
        """Returns the sum of the losses of all spectra and constraints, of which zfit has none."""
        losses = [spectrum.loss for spectrum in self.spectra.values()]
        declared = self.model.parameters.items()
        constrained = [(name, p.constraint) for name, p in declared if p.constraint is not None]
        if len(losses) == 1 and not constrained:
            return losses[0]

        def total(params: Any) -> Any:
            del params  # the losses know their parameters
            terms = [loss.value(full=False) for loss in losses]
            for name, constraint in constrained:
                value = znp.asarray(self.zfit_parameters[name])
                terms.append(constraint_loss(constraint, value, znp))
            return reduce(add, terms)

        independent = [
            self.zfit_parameters[name]
            for name in self._parameters.names
            if name not in self._parameters.expressions
        ]
        return zfit.loss.SimpleLoss(total, params=independent, errordef=0.5, jit=True)

    def _build_parameters(self) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for name in self._parameters.names:
            if name in self._parameters.expressions:
                continue
            value = self._parameters.fixed.get(name, 0.0)
            built[name] = zfit.Parameter(name, value, floating=name in self._parameters.free)
        for name, expression in self._parameters.expressions.items():
            built[name] = zfit.ComposedParameter(
                name,
                lambda params, e=expression: e.evaluate(params, znp),
                params={used: built[used] for used in expression.names},
                unpack_params=False,
            )
        return built


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
