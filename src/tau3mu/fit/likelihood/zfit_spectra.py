"""One spectrum in zfit: the extended likelihood of counts in bins, or of single entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.backend import tf, zfit, znp
from tau3mu.fit.likelihood.densities import single_pdf
from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tau3mu.fit.data import Binned, Unbinned
    from tau3mu.fit.language import Shape, SpectrumModel

__all__ = ["BinnedSpectrum", "UnbinnedSpectrum"]

_NODES = 8  # of the integral over a part of a bin
_NO_DENSITY = 1e-300  # stands for zero, of which there is no logarithm
_PARTS = 200  # of the range, at least: a peak may be narrower than a bin


class BinnedSpectrum:
    """The bins that are fitted, and the integrals of zfit's pdfs over them.

    zfit would integrate bin by bin; here all pdfs are evaluated once for all bins. The axis that
    zfit sees is the number of the bin, so any bins can be left out.
    """

    def __init__(
        self,
        part: SpectrumModel,
        parameters: Mapping[str, Any],
        sample: Binned,
        *,
        chi2: bool,
        negative: bool = False,
    ) -> None:
        """Builds the pdfs and the loss.

        Args:
            part: The model of the spectrum.
            parameters: Those of zfit, by name.
            sample: The bins.
            chi2: Whether χ² is minimized instead of the likelihood.
            negative: Whether yields may be negative, of which zfit's likelihood knows nothing.
        """
        self._space = zfit.Space(part.observable.name, limits=part.observable.range)
        self._span, self._parameters = part.observable.range, parameters
        self._components = tuple(part.components.values())
        self._nodes, self._weights = _quadrature(sample.edges)
        self._used = np.flatnonzero(sample.used)
        number = len(self._used)
        axis = zfit.Space("bin", binning=zfit.binned.RegularBinning(number, 0, number, name="bin"))
        self._integrals = [self._integrals_of(component) for component in self._components]
        if chi2 or negative:
            self._contents = tf.Variable(np.zeros(number))
            self._inverse_variances = tf.Variable(np.zeros(number))
            self.loss = zfit.loss.SimpleLoss(
                self._half_chi2 if chi2 else self._likelihood,
                params=_independent(parameters, self._components),
                errordef=0.5,
                jit=True,
            )
        else:
            self._data = zfit.data.BinnedSamplerData.from_sampler(
                sample_func=lambda n, params: np.full(number, n),  # noqa: ARG005  zfit's signature
                n=1.0,
                obs=axis,
                name="counts",
            )
            counts = _Counts(self, parameters, axis)
            self.loss = zfit.loss.ExtendedBinnedNLL(
                counts, self._data, options={"subtr_const": False}
            )

    def load(self, sample: Binned) -> None:
        """Takes the contents of other data in the same bins."""
        contents = sample.contents[self._used]
        if hasattr(self, "_data"):
            self._data.update_data(contents)
            return
        variances = sample.variances[self._used]
        self._contents.assign(contents)
        self._inverse_variances.assign(
            np.divide(1.0, variances, out=np.zeros_like(variances), where=variances > 0)
        )

    def counts(self) -> Any:
        """Returns the expected counts in the bins that are fitted."""
        rows = []
        for component, calculate in zip(self._components, self._integrals, strict=True):
            integrals = calculate()
            rows.append(self._parameters[component.yield_] * integrals / znp.sum(integrals))
        return tf.gather(znp.sum(znp.stack(rows), axis=0), self._used)

    def _integrals_of(self, shape: Shape) -> Callable[[], Any]:
        """Returns what calculates the integrals of a shape over all bins."""
        if shape.sum is None:
            pdf = _leaf(shape, self._space, self._parameters)

            def single() -> Any:
                values = znp.reshape(pdf.pdf(self._nodes, norm=False), self._weights.shape)
                return znp.sum(values * self._weights, axis=(1, 2))

            return single
        parts = [self._integrals_of(part) for part in shape.smeared_parts]
        fractions = [self._parameters[name] for name in shape.fractions or ()]

        def added() -> Any:
            given = [znp.asarray(fraction) for fraction in fractions]
            rows = [part() for part in parts]
            weights = [*given, 1 - sum(given)]
            return sum(w * row / znp.sum(row) for w, row in zip(weights, rows, strict=True))

        return added

    def _half_chi2(self, params: Any) -> Any:
        del params  # the counts know their parameters
        return 0.5 * znp.sum((self._contents - self.counts()) ** 2 * self._inverse_variances)

    def _likelihood(self, params: Any) -> Any:
        """Returns the loss of counts where fewer than none may be expected in an empty bin."""
        del params  # the counts know their parameters
        expected = self.counts()
        logarithms = znp.log(znp.maximum(expected, _NO_DENSITY))
        return znp.sum(expected - self._contents * logarithms)


class _Counts(zfit.pdf.BaseBinnedPDF):  # type: ignore[misc]
    """The sum of all components as zfit sees it: expected counts."""

    def __init__(self, spectrum: BinnedSpectrum, parameters: Mapping[str, Any], axis: Any) -> None:
        components = spectrum._components
        yields = [parameters[component.yield_] for component in components]
        total = zfit.ComposedParameter(
            f"total_{id(spectrum)}", lambda *values: sum(values), params=yields
        )
        used = _independent(parameters, components)
        super().__init__(obs=axis, params={p.name: p for p in used}, extended=total, name="counts")
        self._spectrum = spectrum

    @zfit.supports(norm="space")  # type: ignore[untyped-decorator]
    def _counts(self, x: Any, norm: Any) -> Any:
        del x, norm  # always the whole range, in which the yields are defined
        return self._spectrum.counts()


class UnbinnedSpectrum:
    """Single entries in zfit's own sum of extended pdfs, truncated to what is fitted."""

    def __init__(
        self,
        part: SpectrumModel,
        parameters: Mapping[str, Any],
        sample: Unbinned,
        *,
        negative: bool = False,
    ) -> None:
        """Builds the pdfs and the loss; the arguments are those of `BinnedSpectrum`."""
        space = zfit.Space(part.observable.name, limits=part.observable.range)
        pdfs = [
            _native(component, space, parameters, parameters[component.yield_])
            for component in part.components.values()
        ]
        self._whole = zfit.pdf.SumPDF(pdfs) if len(pdfs) > 1 else pdfs[0]
        self._limits = [zfit.Space(part.observable.name, limits=i) for i in sample.intervals]
        whole = sample.intervals == (part.observable.range,)
        self.pdf = self._whole if whole else self._whole.to_truncated(limits=self._limits)
        # A sampler, since that is what takes other data later.
        self._data = zfit.data.SamplerData.from_sampler(
            sample_and_weights_func=lambda n, params: (sample.values, sample.weights),  # noqa: ARG005
            n=len(sample.values),
            obs=space,
            name="entries",
        )
        if whole and not negative:
            self.loss = zfit.loss.ExtendedUnbinnedNLL(
                self.pdf, self._data, options={"subtr_const": False}
            )
        else:
            independent = _independent(parameters, part.components.values())
            self.loss = zfit.loss.SimpleLoss(
                self._likelihood, params=independent, errordef=0.5, jit=True
            )

    def load(self, sample: Unbinned) -> None:
        """Takes other entries."""
        self._data.update_data(sample.values, weights=sample.weights)

    def _likelihood(self, params: Any) -> Any:
        """Returns the loss of entries in a part of the range, or with negative yields.

        That of zfit's truncated pdf is not used, since zfit normalizes it to 1e-4 only; nor its
        own where yields are negative, since it takes the logarithm of any density.
        """
        del params  # the pdf knows its parameters
        expected = sum(znp.sum(self._whole.ext_integrate(limits)) for limits in self._limits)
        logarithms = znp.log(znp.maximum(self._whole.ext_pdf(self._data), _NO_DENSITY))
        weights = self._data.weights
        return expected - znp.sum(logarithms if weights is None else weights * logarithms)


def _leaf(shape: Shape, space: Any, parameters: Mapping[str, Any], extended: Any = None) -> Any:
    """Returns zfit's pdf of a shape that is no sum."""
    lower, upper = (float(np.ravel(limit)[0]) for limit in space.v1.limits)
    pdf, arguments_in = single_pdf(shape, (lower, upper))
    given = dict(zip(pdf.parameters, arguments_in(parameters), strict=True))
    return zfit_pdf(pdf, space, given, extended=extended)


def _native(shape: Shape, space: Any, parameters: Mapping[str, Any], extended: Any = None) -> Any:
    """Returns zfit's pdf of any shape, with its yield if it is a component."""
    if shape.sum is None:
        return _leaf(shape, space, parameters, extended)
    pdfs = [_native(part, space, parameters) for part in shape.smeared_parts]
    fractions = [parameters[name] for name in shape.fractions or ()]
    return zfit.pdf.SumPDF(pdfs, fracs=fractions, extended=extended)


def _independent(parameters: Mapping[str, Any], components: Any) -> list[Any]:
    """Returns the zfit parameters of components that do not follow from others."""
    names = {name for c in components for name in (*c.names, c.yield_)}
    found = {p.name: p for name in names for p in parameters[name].get_params(floating=None)}
    return [found[name] for name in sorted(found)]


def _quadrature(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns nodes in all bins, and their weights as bins x parts of a bin x nodes of a part."""
    parts = -(-_PARTS // (len(edges) - 1))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    fine = edges[:-1, None] + np.diff(edges)[:, None] * np.arange(parts) / parts
    half = np.diff(edges)[:, None] / parts / 2
    x = (fine + half)[..., None] + half[..., None] * nodes
    return x.ravel(), np.broadcast_to(half[..., None] * weights, x.shape).copy()
