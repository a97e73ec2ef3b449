"""Which parameters of a fit file a limit can be set on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, suggest
from tau3mu.fit.likelihood import Parameters

if TYPE_CHECKING:
    from tau3mu.fit.language import FitModel

__all__ = ["check_poi"]


def check_poi(model: FitModel, poi: str) -> None:
    """Checks that a limit can be set on a parameter of a fit.

    Args:
        model: The fit.
        poi: The name of the parameter.

    Raises:
        InputError: It is not free, no yield depends on it, or it cannot be zero; or the signal has
            a free shape, or the fit minimizes χ².
    """
    where = f"fit {model.name}"
    parameters = Parameters(model)
    yields = parameters.touched_by(model.yields)
    if poi not in yields:
        known = ", ".join(n for n in parameters.free if n in yields)
        what = "is not free" if poi in parameters.names else "is not a parameter"
        if poi in parameters.free:
            what = "changes no yield"
        message = (
            f"{where}: --poi: {poi!r} {what}{suggest(poi, yields)}; expected a free yield, or a "
            f"free parameter from which yields follow: {known}"
        )
        raise InputError(message, code="limits.unknown-poi", path="poi")
    declared = model.parameters.get(poi)
    limits = (declared and declared.limits) or (0.0, 1.0)
    if not limits[0] <= 0 < limits[1]:
        message = (
            f"{where}: parameters.{poi}.limits: {limits[0]:g} to {limits[1]:g} leaves out the "
            "background alone: expected a lower limit of 0, or below for a fit that may go there"
        )
        raise InputError(message, code="limits.without-zero", path=f"parameters.{poi}.limits")
    if model.method.loss == "chi2":
        message = f"{where}: method.loss: a limit needs a likelihood, got chi2"
        raise InputError(message, code="limits.chi2-fit", path="method.loss")
    _check_shape(model, poi)


def _check_shape(model: FitModel, poi: str) -> None:
    """Refuses parameters that nothing determines where there is no signal."""
    parameters = Parameters(model)
    declared = model.parameters
    values: dict[str, Any] = {
        n: declared[n].value if n in declared else 1.0 for n in parameters.free
    }
    at = parameters.complete(values | {poi: 0.0})
    silent = {name for name in model.yields if at[name] == 0 and poi in
              parameters.touched_by([name])}  # fmt: skip
    seen = {poi, *parameters.touched_by(n for n, p in declared.items() if p.constraint)}
    for part in model.parts.values():
        for component in part.components.values():
            if component.yield_ not in silent:
                seen |= parameters.touched_by([*component.names, component.yield_])
    for name in parameters.free:
        if name not in seen:
            message = (
                f"fit {model.name}: parameters.{name}: only the signal of {poi} depends on it, so "
                "nothing determines it without signal: fix it, or give it a constraint"
            )
            raise InputError(message, code="limits.free-signal", path=f"parameters.{name}")
