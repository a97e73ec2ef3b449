"""The likelihood of a model, in zfit and as a bare function, over the same graphs.

zfit gives the result: its loss, its Minuit, its errors. A call of that loss costs 2.5 ms, of which
most is bookkeeping, so the stages and starts that lead to the minimum use the bare function.
Building an engine compiles the graphs; every histogram of the same model then uses them again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.backend import Minuit, tf, zfit, znp
from tau3mu.fit.integrals import INTEGRALS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tau3mu.fit.model import FitModel

__all__ = ["Engine"]

_STEP = 0.01  # first step of Minuit, as part of the range between the limits
_TOLERANCE = 1e-5  # estimated distance to the minimum; zfit's default of 1e-3 is 0.02 sigma off
_ERRORDEF = 0.5  # by which a negative log-likelihood rises at one standard deviation
_NO_COUNTS = 1e-300  # stands for an expectation of zero, of which there is no logarithm

Limits = dict[str, tuple[float, float] | None]


class Engine:
    """Evaluates and minimises the likelihood of one model for any histogram."""

    def __init__(self, model: FitModel) -> None:
        """Builds the zfit parameters, the spectrum and the extended binned likelihood."""
        self.model = model
        self.names = (*model.shape_parameters, *model.yields)
        fixed = {name for name, parameter in model.parameters.items() if parameter.fixed}
        self.free = tuple(name for name in self.names if name not in fixed)
        self._edges = tf.constant(model.observable.edges)
        self._bare = tf.function(self._negative_log_likelihood)
        self._build_loss()

    def shapes(self, values: Mapping[str, float], edges: np.ndarray | None = None) -> np.ndarray:
        """Returns the integrals of the components over bins, each normalised to one.

        Args:
            values: At least all parameters of the shapes.
            edges: The edges of the bins, which must span the range of the model; by default the
                bins of the model.

        Returns:
            Components x bins.
        """
        tensors = {name: tf.constant(value, tf.float64) for name, value in values.items()}
        bins = self._edges if edges is None else tf.constant(edges)
        # Not compiled: that would take longer than the few calls of a fit.
        return np.array(self.shapes_graph(tensors, bins), dtype=np.float64)

    def expected(self, values: Mapping[str, float], edges: np.ndarray | None = None) -> np.ndarray:
        """Returns the expected counts, components x bins; edges as in `shapes`."""
        yields = np.array([values[name] for name in self.model.yields])
        return np.asarray(yields[:, None] * self.shapes(values, edges))

    def nll(self, values: Mapping[str, float], contents: np.ndarray) -> float:
        """Returns the negative log-likelihood, up to a constant of the data."""
        point = tf.constant([values[name] for name in self.names], dtype=tf.float64)
        return float(self._bare(point, tf.constant(contents), tf.ones_like(contents))[0])

    def limits(self, entries: float) -> Limits:
        """Returns the limits of the parameters; those of undeclared yields follow the data."""
        limits: Limits = dict.fromkeys(self.model.yields, (0.0, 2 * entries))
        return limits | {name: p.limits for name, p in self.model.parameters.items()}

    def descend(
        self,
        start: Mapping[str, float],
        names: Collection[str],
        contents: np.ndarray,
        bins: np.ndarray | None = None,
    ) -> Minuit:
        """Minimises with respect to some parameters, as fast as it goes.

        Where the likelihood is not a number at the start, Minuit stays there and is not valid.

        Args:
            start: The values of all parameters.
            names: The parameters to change.
            contents: The counts of all bins.
            bins: Which bins to use; by default all.
        """
        window = tf.constant(np.ones(len(contents)) if bins is None else bins.astype(np.float64))
        data = tf.constant(contents)
        minuit = Minuit(
            lambda point: float(self._bare(tf.constant(point), data, window)[0]),
            [start[name] for name in self.names],
            grad=lambda point: self._bare(tf.constant(point), data, window)[1].numpy(),
            name=self.names,
        )
        limits = self.limits(float(contents.sum()))
        for name in self.names:
            minuit.limits[name] = limits[name]
            minuit.errors[name] = self._step(name, limits, float(contents.sum()))
            minuit.fixed[name] = name not in names
        minuit.errordef, minuit.strategy = _ERRORDEF, 0
        minuit.tol = _TOLERANCE / 0.002 / _ERRORDEF  # Minuit multiplies by the two numbers
        if math.isfinite(self.nll(start, contents)):
            minuit.migrad()
        return minuit

    def minimise(
        self, start: Mapping[str, float], steps: Mapping[str, float], contents: np.ndarray
    ) -> Minuit:
        """Minimises zfit's loss with respect to all free parameters.

        Args:
            start: The values of all parameters.
            steps: How far Minuit tries to go first.
            contents: The counts of all bins.
        """
        limits = self.limits(float(contents.sum()))
        self._data.update_data(contents)
        for name, parameter in self._parameters.items():
            if (interval := limits[name]) is not None:
                parameter.lower, parameter.upper = interval
            # A start that ended at a limit has no error to step by.
            known = steps[name] > 0
            entries = float(contents.sum())
            parameter.stepsize = steps[name] if known else self._step(name, limits, entries)
            parameter.set_value(start[name])
        minimizer = zfit.minimize.Minuit(tol=_TOLERANCE, gradient=True)
        result: Minuit = minimizer.minimize(self._loss).info["minuit"]
        return result

    def _build_loss(self) -> None:
        axis = self.model.observable
        binning = zfit.binned.RegularBinning(axis.bins, *axis.range, name=axis.name)
        space = zfit.Space(axis.name, binning=binning)
        self._parameters = {
            name: zfit.Parameter(name, 0.0, floating=name in self.free) for name in self.names
        }
        self._data = zfit.data.BinnedSamplerData.from_sampler(
            sample_func=lambda n, params: np.full(axis.bins, n),  # noqa: ARG005  zfit's signature
            n=1.0,
            obs=space,
        )
        spectrum = _Spectrum(self, self._parameters, space)
        self._loss = zfit.loss.ExtendedBinnedNLL(
            spectrum, self._data, options={"subtr_const": False}
        )

    def _step(self, name: str, limits: Limits, entries: float) -> float:
        if name in self.model.yields:
            return float(np.sqrt(entries))
        interval = limits[name]
        return _STEP * (interval[1] - interval[0]) if interval else _STEP

    def shapes_graph(self, values: Mapping[str, Any], edges: Any) -> Any:
        """Returns the normalised integrals of the components as a tensor, components x bins."""
        rows = []
        for component in self.model.components.values():
            roles = {role: values[name] for role, name in component.parameters.items()}
            integrals = INTEGRALS[component.pdf](edges, **roles)
            rows.append(integrals / znp.sum(integrals))
        return znp.stack(rows)

    def counts_graph(self, values: Mapping[str, Any]) -> Any:
        """Returns the expected counts per bin as a tensor."""
        yields = znp.stack([values[name] for name in self.model.yields])
        return znp.sum(yields[:, None] * self.shapes_graph(values, self._edges), axis=0)

    def _negative_log_likelihood(self, point: Any, contents: Any, window: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(point)
            values = dict(zip(self.names, tf.unstack(point), strict=True))
            expected = znp.maximum(self.counts_graph(values), _NO_COUNTS)
            nll = znp.sum(window * (expected - contents * znp.log(expected)))
        return nll, tape.gradient(nll, point)


class _Spectrum(zfit.pdf.BaseBinnedPDF):  # type: ignore[misc]
    """The sum of all components as zfit sees it: exact counts in the bins."""

    def __init__(self, engine: Engine, parameters: Mapping[str, Any], space: Any) -> None:
        total = zfit.ComposedParameter(
            "total_yield",
            lambda *yields: sum(yields),
            params=[parameters[name] for name in engine.model.yields],
        )
        super().__init__(obs=space, params=dict(parameters), extended=total, name="spectrum")
        self._engine = engine

    @zfit.supports(norm="space")  # type: ignore[untyped-decorator]
    def _counts(self, x: Any, norm: Any) -> Any:
        del x, norm  # always the whole range, in which the yields are defined
        return self._engine.counts_graph(self.params)
