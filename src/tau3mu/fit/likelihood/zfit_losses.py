"""The loss of a model in zfit, as its minimizers and hepstats take it.

It is one class for counts in bins and for single entries, so that a simultaneous fit may have both,
and it goes on where zfit's own stop: at negative yields, and in ranges with gaps.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.backend import tf, zfit, znp
from tau3mu.fit.data import Binned
from tau3mu.fit.likelihood.zfit_models import CountsPdf, EntriesPdf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.data import Unbinned
    from tau3mu.fit.language import FitModel
    from tau3mu.fit.language.parts import Constraint
    from tau3mu.fit.likelihood.parameters import Parameters

__all__ = ["SpectraChi2", "SpectraNLL", "build_loss", "build_parameters"]

_NOTHING = 1e-300  # stands for zero, of which there is no logarithm


class SpectraNLL(zfit.loss.ExtendedBinnedNLL):  # type: ignore[misc]
    """The extended likelihood of spectra, each a `CountsPdf` or an `EntriesPdf`, and constraints.

    Where less than nothing is expected in bins without entries, it goes on linearly.
    """

    def __init__(self, model: Any, data: Any, constraints: Any = None, options: Any = None) -> None:
        """Creates the loss; zfit's `create_new` gives the same arguments."""
        self._errordef = 0.5
        # Not that of the parent, which refuses entries.
        zfit.loss.BaseLoss.__init__(
            self,
            model=model,
            data=data,
            constraints=constraints,
            options={"subtr_const": False, **(options or {})},
        )

    @zfit.z.function(wraps="loss", keepalive=True)  # type: ignore[untyped-decorator]
    def _loss_func(
        self, model: Any, data: Any, fit_range: Any, constraints: Any, log_offset: Any
    ) -> Any:
        del fit_range, log_offset
        terms = [self._term(pdf, sample) for pdf, sample in zip(model, data, strict=True)]
        return reduce(add, [*terms, *(znp.sum(c.value()) for c in constraints or ())])

    def _term(self, pdf: Any, sample: Any) -> Any:
        """Returns what one spectrum adds to the loss."""
        # Both less what a perfect expectation of their size would give: the steps of Minuit depend
        # on the size of a loss.
        if isinstance(pdf, CountsPdf):
            expected, contents = pdf.expected(), sample.values()
            logarithms = znp.log(znp.maximum(expected, _NOTHING))
            return znp.sum(expected - contents * logarithms) + _saturated(contents)
        logarithms = znp.log(znp.maximum(pdf.density(sample), _NOTHING))
        weights = znp.ones_like(logarithms) if sample.weights is None else sample.weights
        return pdf.number() - znp.sum(weights * logarithms) + _saturated(znp.sum(weights))


def _saturated(contents: Any) -> Any:
    """Returns the likelihood of contents that are exactly as expected, up to factorials."""
    return znp.sum(contents * (znp.log(znp.where(contents > 0, contents, 1.0)) - 1))


class SpectraChi2(SpectraNLL):
    """Half of Neyman's χ² of counts; bins without a variance are not in it."""

    def _term(self, pdf: Any, sample: Any) -> Any:
        contents, variances = sample.values(), sample.variances()
        inverse = tf.math.reciprocal_no_nan(contents if variances is None else variances)
        return 0.5 * znp.sum((contents - pdf.expected()) ** 2 * inverse)


def build_parameters(parameters: Parameters) -> dict[str, Any]:
    """Returns the parameters of a model in zfit, by name; those with an expression are composed."""
    built: dict[str, Any] = {}
    for name in parameters.names:
        if name not in parameters.expressions:
            value = parameters.fixed.get(name, 0.0)
            built[name] = zfit.Parameter(name, value, floating=name in parameters.free)
    for name, expression in parameters.expressions.items():
        built[name] = zfit.ComposedParameter(
            name,
            lambda params, e=expression: e.evaluate(params, znp),
            params={used: built[used] for used in expression.names},
            unpack_params=False,
        )
    return built


def build_loss(
    model: FitModel, data: Mapping[str, Binned | Unbinned], parameters: Mapping[str, Any]
) -> SpectraNLL:
    """Returns the loss of a model; its data are samplers of zfit, which take other data later.

    Args:
        model: With all labels and templates read.
        data: What is fitted, by the name of the spectrum.
        parameters: As `build_parameters` returns them.
    """
    pdfs: list[Any] = []
    samples: list[Any] = []
    for name, sample in data.items():
        part = model.parts[name]
        if isinstance(sample, Binned):
            pdfs.append(CountsPdf(part, parameters, sample))
            contents, variances = sample.contents[sample.used], sample.variances[sample.used]
            samples.append(_counts_sampler(pdfs[-1].space, contents, variances))
        else:
            pdfs.append(EntriesPdf(part, parameters, sample))
            samples.append(_entries_sampler(pdfs[-1].space, sample.values, sample.weights))
    declared = model.parameters.items()
    constraints = [
        _constraint(parameters[name], p.constraint)
        for name, p in declared
        if p.constraint is not None
    ]
    kind = SpectraChi2 if model.method.loss == "chi2" else SpectraNLL
    return kind(pdfs, samples, constraints)


def _counts_sampler(space: Any, contents: np.ndarray, variances: np.ndarray) -> Any:
    return zfit.data.BinnedSamplerData.from_sampler(
        sample_and_variances_func=lambda n, params: (contents, variances),  # noqa: ARG005
        n=1.0,
        obs=space,
        name="counts",
    )


def _entries_sampler(space: Any, values: np.ndarray, weights: np.ndarray | None) -> Any:
    return zfit.data.SamplerData.from_sampler(
        sample_and_weights_func=lambda n, params: (values, weights),  # noqa: ARG005
        n=len(values),
        obs=space,
        name="entries",
    )


def _constraint(parameter: Any, constraint: Constraint) -> Any:
    """Returns a constraint of zfit."""
    if constraint.pdf == "normal":
        return zfit.constraint.GaussianConstraint(
            parameter, observation=constraint.mean, sigma=constraint.sigma
        )
    # The logarithm is what is known; zfit's log-normal also has the Jacobian of the parameter.
    logarithm = zfit.ComposedParameter(
        f"log_{parameter.name}",
        lambda value: znp.log(znp.maximum(value, _NOTHING)),
        params=[parameter],
    )
    return zfit.constraint.GaussianConstraint(
        logarithm, observation=float(np.log(constraint.mean)), sigma=constraint.sigma
    )
