"""The fit of the control channel once more: for each era, and for its simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Collection

    from tau3mu.fit import FitModel, FitResult
    from tau3mu.run import ProcessorResults

__all__ = ["fit_of_era", "fit_of_simulation"]

_SIGNIFICANT: Final = 3.0


def fit_of_era(era: str, results: ProcessorResults, found: FitResult, *, share: float) -> FitResult:
    """Returns the fit of an era: with yields of its own, and the shapes of all data.

    Args:
        era: Which one.
        results: Those of the control channel.
        found: The fit of all data.
        share: About which part of the data it has.
    """
    from tau3mu.fit import fit

    model = _with_shapes(found.model, found)
    of_era = model.input.model_copy(update={"era": era}) if model.input else None
    return fit(
        model.model_copy(update={"input": of_era}),
        results,
        start={name: found.values[name] * share for name in model.yields},
    )


def fit_of_simulation(
    simulation: str, results: ProcessorResults, found: FitResult, component: str
) -> FitResult:
    """Returns the fit of simulation, whose wrong combinations are no more D_s than those of data.

    Shapes of the D_s, and of what else simulation has, are its own.

    Args:
        simulation: The dataset.
        results: Those of the control channel.
        found: The fit of data.
        component: That of the D_s.

    Raises:
        RunError: It does not converge.
    """
    from tau3mu.fit import fit

    data: Any
    alone = _alone(found.model)
    histogram = alone.input.histogram if alone.input else "mass"
    if histogram is not None:
        data = results.histogram(histogram, simulation)
        entries = float(data.sum().value)
    else:
        data = results.candidates[results.candidates["dataset"] == simulation]
        entries = float(len(data))
    parts = alone.components or {}
    values = found.values | {one.yield_: 0.02 * entries for one in parts.values()}
    values[parts[component].yield_] = 0.9 * entries
    own: set[str] = {component}
    while True:
        model = _with_shapes(alone, found, {n for name in own for n in parts[name].names})
        start = {name: values[name] for name in model.used if _is_free(model, name)}
        one = fit(model, data, start=start)
        if not one.converged:
            message = (
                f"the fit of simulation {simulation} of the control channel does not converge: "
                "look at its mass, and give it more events"
            )
            raise RunError(message, code="search.no-control-fit", path="control.simulation")
        values = one.values
        amounts = {name: one.parameters[part.yield_] for name, part in parts.items()}
        there = {
            name for name, amount in amounts.items()
            if amount.error and amount.value > _SIGNIFICANT * amount.error
        }  # fmt: skip
        if there <= own:
            return one
        own |= there


def _is_free(model: FitModel, name: str) -> bool:
    return name not in model.parameters or model.parameters[name].free


def _alone(model: FitModel) -> FitModel:
    """Returns the fit of one spectrum: the first one, all of which have the same components."""
    part = next(iter(model.parts.values()))
    names = ("input", "observable", "ranges", "blind", "components")
    of_part: dict[str, Any] = {name: getattr(part, name) for name in names}
    if part.input is not None:
        of_part["input"] = part.input.model_copy(update={"era": None, "file": None})
    return model.model_copy(update={"spectra": None, **of_part})


def _with_shapes(model: FitModel, found: FitResult, free: Collection[str] = ()) -> FitModel:
    """Returns a model whose shapes are those of a fit, except for some that stay free."""
    from tau3mu.fit.language.method import Method
    from tau3mu.fit.language.parts import Input, Parameter

    parameters = {
        name: one
        if name in model.yields or name in free or one.expression is not None
        else Parameter(value=found.values[name], fixed=True)
        for name, one in model.parameters.items()
    }
    return model.model_copy(update={
        "input": model.input or Input(histogram="mass"),
        "parameters": parameters,
        "method": Method(engine="numpy", loss=model.method.loss),
        "derived": {}, "windows": {},
    })  # fmt: skip
