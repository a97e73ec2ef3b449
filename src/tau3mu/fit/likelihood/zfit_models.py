"""The models of zfit for one spectrum: expected counts in bins, and the density of entries."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.backend import tf, zfit, znp
from tau3mu.fit.likelihood.densities import single_pdf
from tau3mu.fit.pdfs.integrate import PANELS, bin_integrals, quadrature
from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tau3mu.fit.data import Binned, Unbinned
    from tau3mu.fit.language import Shape, SpectrumModel

__all__ = ["CountsPdf", "EntriesPdf"]

_NODES = 8  # of the integral over a part of a bin
_PARTS = 200  # of the range, at least: a peak may be narrower than a bin


class CountsPdf(zfit.pdf.BaseBinnedPDF):  # type: ignore[misc]
    """The expected counts in the bins that are fitted, from integrals of zfit's pdfs.

    zfit would integrate bin by bin; here all pdfs are evaluated once for all bins. The axis that
    zfit sees is the number of the bin, so any bins can be left out.
    """

    def __init__(self, part: SpectrumModel, parameters: Mapping[str, Any], sample: Binned) -> None:
        """Builds the pdfs of all components.

        Args:
            part: The model of the spectrum.
            parameters: Those of zfit, by name.
            sample: The bins.
        """
        self._range = zfit.Space(part.observable.name, limits=part.observable.range)
        self._parameters = parameters
        self._edges = sample.edges
        self._nodes, self._weights = _quadrature(sample.edges)
        self._used = np.flatnonzero(sample.used)
        components = part.components.values()
        self._rows = [(parameters[c.yield_], self._integrals_of(c)) for c in components]
        number = len(self._used)
        axis = zfit.Space("bin", binning=zfit.binned.RegularBinning(number, 0, number, name="bin"))
        total = zfit.ComposedParameter(
            f"total_{id(self)}", lambda *values: sum(values), params=[y for y, _ in self._rows]
        )
        names = {name for c in components for name in (*c.names, c.yield_)}
        found = {p.name: p for n in names for p in parameters[n].get_params(floating=None)}
        super().__init__(
            obs=axis,
            params={name: found[name] for name in sorted(found)},
            extended=total,
            name="counts",
        )

    def expected(self) -> Any:
        """Returns the expected counts in the bins that are fitted."""
        rows = []
        for number, calculate in self._rows:
            integrals = calculate()
            rows.append(number * integrals / znp.sum(integrals))
        return tf.gather(znp.sum(znp.stack(rows), axis=0), self._used)

    @zfit.supports(norm="space")  # type: ignore[untyped-decorator]
    def _counts(self, x: Any, norm: Any) -> Any:
        del x, norm  # always the whole range, in which the yields are defined
        return self.expected()

    def _integrals_of(self, shape: Shape) -> Callable[[], Any]:
        """Returns what calculates the integrals of a shape over all bins."""
        if shape.sum is None:
            if not shape.names:  # a template, of which quadrature would not see the steps
                return partial(tf.constant, _fixed_integrals(shape, self._edges))
            pdf = _leaf(shape, self._range, self._parameters)

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


class EntriesPdf(zfit.pdf.TruncatedPDF):  # type: ignore[misc]
    """zfit's sum of extended pdfs, truncated to what is fitted.

    The yields count the full range. zfit normalizes a truncated pdf to 1e-4 only; `number` and
    `density` come from the whole sum, whose integrals are exact.
    """

    def __init__(
        self, part: SpectrumModel, parameters: Mapping[str, Any], sample: Unbinned
    ) -> None:
        """Builds the pdfs of all components; the arguments are those of `CountsPdf`."""
        space = zfit.Space(part.observable.name, limits=part.observable.range)
        components = part.components.values()
        pdfs = [_native(c, space, parameters, parameters[c.yield_]) for c in components]
        self.whole = zfit.pdf.SumPDF(pdfs) if len(pdfs) > 1 else pdfs[0]
        self.intervals = sample.intervals
        limits = [zfit.Space(part.observable.name, limits=i) for i in sample.intervals]
        super().__init__(self.whole, limits)

    def number(self) -> Any:
        """Returns the expected number of entries in the fitted ranges."""
        return sum(znp.sum(self.whole.ext_integrate(limits)) for limits in self.limits)

    def density(self, data: Any) -> Any:
        """Returns the expected entries per unit of the observable at each entry."""
        return self.whole.ext_pdf(data)

    def to_binneddata(self) -> Any:
        """Returns the Asimov data set: weighted entries at the nodes of an integral.

        The name is that of zfit's binned pdfs, since hepstats asks for it.
        """
        lower, upper = (float(np.ravel(limit)[0]) for limit in self.space.v1.limits)
        ends = [end for interval in self.intervals for end in interval]
        x, weights = quadrature(np.unique([*np.linspace(lower, upper, PANELS + 1), *ends]))
        inside = np.any([(x > low) & (x < high) for low, high in self.intervals], axis=0)
        found = np.asarray(self.density(x[inside])) * weights[inside]
        return zfit.Data.from_numpy(obs=self.space, array=x[inside], weights=found)


def _leaf(shape: Shape, space: Any, parameters: Mapping[str, Any], extended: Any = None) -> Any:
    """Returns zfit's pdf of a shape that is not a sum."""
    lower, upper = (float(np.ravel(limit)[0]) for limit in space.v1.limits)
    pdf, arguments_in = single_pdf(shape, (lower, upper))
    given = dict(zip(pdf.parameters, arguments_in(parameters), strict=True))
    return zfit_pdf(pdf, space, given, extended=extended)


def _fixed_integrals(shape: Shape, edges: np.ndarray) -> np.ndarray:
    """Returns the integrals over bins of a shape without parameters."""
    span = (float(edges[0]), float(edges[-1]))
    pdf, _ = single_pdf(shape, span)
    return bin_integrals(pdf, edges, [], span)


def _native(shape: Shape, space: Any, parameters: Mapping[str, Any], extended: Any = None) -> Any:
    """Returns zfit's pdf of any shape, with its yield if it is a component."""
    if shape.sum is None:
        return _leaf(shape, space, parameters, extended)
    pdfs = [_native(part, space, parameters) for part in shape.smeared_parts]
    fractions = [parameters[name] for name in shape.fractions or ()]
    return zfit.pdf.SumPDF(pdfs, fracs=fractions, extended=extended)


def _quadrature(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns nodes in all bins, and their weights as bins x parts of a bin x nodes of a part."""
    parts = -(-_PARTS // (len(edges) - 1))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    fine = edges[:-1, None] + np.diff(edges)[:, None] * np.arange(parts) / parts
    half = np.diff(edges)[:, None] / parts / 2
    x = (fine + half)[..., None] + half[..., None] * nodes
    return x.ravel(), np.broadcast_to(half[..., None] * weights, x.shape).copy()
