"""Tries every density of a model once, so that a mistake in a formula shows before the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.language.values import first_values
from tau3mu.fit.likelihood.convolution import arguments
from tau3mu.fit.pdfs import PDFS, density

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.language import FitModel, Shape
    from tau3mu.fit.language.base import Interval

__all__ = ["dry_run"]

_POINTS = 101


def dry_run(model: FitModel, xp: Any = np, *, users_only: bool = False) -> None:
    """Evaluates every density over the range of its observable, at the first values.

    Args:
        model: Values that come from labels are not known before these are read; what depends on
            them is left out then, as are templates.
        xp: NumPy, or zfit's version of it.
        users_only: Whether to leave out the pdfs of the package, some of which import SciPy.

    Raises:
        InputError: A formula of a user fails or is negative, or a density is nowhere a number.
    """
    values = first_values(model)
    for spectrum, part in model.parts.items():
        where = f"fit {model.name}" + (f", spectrum {spectrum}" if model.spectra else "")
        for key, component in part.components.items():
            for _, shape in component.shapes():
                if shape.definition is None or (users_only and shape.pdf in PDFS):
                    continue
                if set(shape.names) <= set(values):
                    _try(shape, values, part.observable.range, f"{where}, component {key}", xp)


def _try(shape: Shape, values: Mapping[str, float], span: Interval, where: str, xp: Any) -> None:
    pdf = shape.definition
    if pdf is None:
        return
    x = xp.asarray(np.linspace(*span, _POINTS))
    given = {name: values[name] for name in shape.names}
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(density(pdf, x, arguments(shape, given), span, xp))
    except InputError as error:
        message = f"{where}: {error}"
        raise InputError(message, code=error.code, path=error.path) from error
    at = ", ".join(f"{name} = {value:g}" for name, value in given.items())
    if not np.isfinite(found).any():
        message = (
            f"{where}: pdf {pdf.name} is nowhere a number in {span[0]:g} to {span[1]:g} at the "
            f"first values {at}; change them"
        )
        raise InputError(message, code="fit.no-number", path=pdf.name)
    if pdf.name not in PDFS and np.any(found < 0):
        worst = float(np.linspace(*span, _POINTS)[int(np.nanargmin(found))])
        message = (
            f"{where}: pdf {pdf.name} is negative, such as {np.nanmin(found):.3g} at {worst:g}, at "
            f"the first values {at}; a density is 0 or more"
        )
        raise InputError(message, code="fit.negative-formula", path=pdf.name)
