"""zfit's objects of the pdfs: its own class where it has the function, else one made of a formula.

Importing this takes seconds, since it imports zfit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.fit.backend import tf, zfit, znp
from tau3mu.fit.pdfs.integrate import PANELS, density, legendre_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.pdfs.pdf import Pdf

__all__ = ["FormulaPdf", "zfit_pdf"]

_COEFFICIENTS = "coefficients"


def zfit_pdf(pdf: Pdf, space: Any, parameters: Mapping[str, Any], extended: Any = None) -> Any:
    """Returns zfit's pdf of a family, over a space and with parameters of zfit.

    Args:
        pdf: Which family of densities.
        space: The observable and its range, in which the pdf is normalized.
        parameters: The parameters by their role; a sequence of them for `coefficients`.
        extended: The parameter that is its yield, if it has one.
    """
    if pdf.zfit_name is None:
        return FormulaPdf(pdf, space, parameters, extended)
    arguments = dict(parameters)
    if _COEFFICIENTS in arguments:
        arguments["coeffs"] = list(arguments.pop(_COEFFICIENTS))
    return getattr(zfit.pdf, pdf.zfit_name)(**arguments, obs=space, extended=extended)


class FormulaPdf(zfit.pdf.BasePDF):  # type: ignore[misc]
    """A pdf of zfit that is evaluated by the formula of a `Pdf`.

    Its integrals are by the quadrature of `tau3mu.fit.pdfs.integrate`, with gradients, where zfit
    would draw random numbers or take equal steps.
    """

    def __init__(
        self, pdf: Pdf, space: Any, parameters: Mapping[str, Any], extended: Any = None
    ) -> None:
        """Creates the pdf from what `zfit_pdf` takes."""
        coefficients = parameters.get(_COEFFICIENTS, ())
        named = {role: parameters[role] for role in pdf.parameters if role != _COEFFICIENTS}
        named.update({f"{_COEFFICIENTS}_{i}": value for i, value in enumerate(coefficients)})
        self._family = pdf
        self._number_of_coefficients = len(coefficients)
        super().__init__(obs=space, params=named, extended=extended, name=pdf.name)

    def _values(self, params: Mapping[str, Any]) -> list[Any]:
        numbers = range(self._number_of_coefficients)
        return [
            [params[f"{role}_{i}"] for i in numbers] if role == _COEFFICIENTS else params[role]
            for role in self._family.parameters
        ]

    def _density(self, x: Any, params: Mapping[str, Any]) -> Any:
        return density(self._family, x, self._values(params), self.space.v1.limits, znp)

    @zfit.supports()  # type: ignore[untyped-decorator]
    def _unnormalized_pdf(self, x: Any, params: Mapping[str, Any]) -> Any:
        return self._density(x[0], params)

    @zfit.supports()  # type: ignore[untyped-decorator]
    def _integrate(
        self, limits: Any, norm: Any, params: Mapping[str, Any], options: Any = None
    ) -> Any:
        del norm, options
        lower, upper = (tf.reshape(limit, []) for limit in limits.v1.limits)
        grid = znp.linspace(lower, upper, PANELS + 1)
        if self._family.kinks is not None:
            kinks = self._family.kinks(*self._values(params))
            inside = [tf.clip_by_value(kink, lower, upper) for kink in kinks]
            grid = tf.sort(znp.concatenate([grid, znp.stack(inside)]))
        nodes, weights = (tf.constant(values) for values in legendre_nodes())
        halves = (grid[1:] - grid[:-1])[:, tf.newaxis] / 2
        x = (grid[1:] + grid[:-1])[:, tf.newaxis] / 2 + halves * nodes
        return znp.sum(self._density(x, params) * halves * weights)
