"""What must hold between the parts of a fit file: names that exist, ranges that are not empty."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from tau3mu.errors import suggest
from tau3mu.fit.expressions import ExpressionError, evaluation_order, parse
from tau3mu.fit.language.base import allowed, refuse, require_order
from tau3mu.fit.language.parts import parsed
from tau3mu.fit.language.values import value_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tau3mu.fit.language.base import Interval
    from tau3mu.fit.language.method import Stage, Window
    from tau3mu.fit.language.model import FitModel, SpectrumModel
    from tau3mu.fit.language.parts import Parameter
    from tau3mu.fit.language.shapes import Shape

__all__ = ["check_model"]


def check_model(model: FitModel) -> None:
    """Refuses a model whose parts contradict each other, and says all that is wrong."""
    _check_spectra(model)
    _run(_checks(model))
    # Last, since a name that is misspelt where it is used leaves the right one unused.
    used = _all_used(model)
    _run(partial(_check_used, name, used) for name in model.parameters)
    _run(value_checks(model))


def _run(checks: Iterable[Callable[[], None]]) -> None:
    problems = [problem for check in checks if (problem := _problem(check)) is not None]
    if problems:
        details = [InitErrorDetails(type=problem, input=None) for problem in problems]
        error = ValidationError.from_exception_data("FitModel", details)
        raise error


def _problem(check: Callable[[], None]) -> PydanticCustomError | None:
    try:
        check()
    except PydanticCustomError as problem:
        return problem
    return None


def _checks(model: FitModel) -> Iterator[Callable[[], None]]:
    for key, part in model.parts.items():
        path = f"spectra.{key}." if model.spectra else ""
        yield partial(_check_ranges, part, path)
        yield partial(_check_input, model, part)
        for name in part.components:
            yield partial(_check_component, model, part, name, f"{path}components.{name}")
    for name, parameter in model.parameters.items():
        yield partial(_check_parameter, model, name, parameter)
    yield partial(_check_order, model)
    for path, names in _mentions(model):
        yield partial(_check_known, names, model, path)
    for name, text in model.derived.items():
        yield partial(_check_derived, model, name, text)
    for name in model.outputs.scans:
        yield partial(_check_free, name, model, "outputs.scans")
    for name in () if model.method.minos_names == "all" else model.method.minos_names:
        yield partial(_check_changes, name, model, "method.minos")
    for number, stage in enumerate(model.method.stages):
        yield partial(_check_stage, model, stage, f"method.stages.{number}")
    for name, window in model.windows.items():
        yield partial(_check_window, model, window, f"windows.{name}")


def _check_spectra(model: FitModel) -> None:
    if model.spectra is not None:
        for key in ("input", "observable", "ranges", "blind", "components"):
            if key in model.model_fields_set:
                refuse("stands in each of the 'spectra', not beside them", key)
        return
    for key in ("observable", "components"):
        if getattr(model, key) is None:
            refuse(f"missing key {key!r}, or 'spectra' for several spectra")


def _check_ranges(part: SpectrumModel, path: str) -> None:
    lower, upper = part.observable.range
    for key in ("ranges", "blind"):
        for interval in getattr(part, key):
            require_order(interval, path + key)
            if interval[0] < lower or interval[1] > upper:
                refuse(
                    f"{interval[0]:g} to {interval[1]:g} lies outside the observable's range "
                    f"{lower:g} to {upper:g}",
                    path + key,
                )
    edges = sorted({lower, upper, *(e for r in (*part.ranges, *part.blind) for e in r)})
    centres = (np.array(edges[1:]) + edges[:-1]) / 2
    fitted = _inside(centres, part.ranges or (part.observable.range,))
    if not np.any(fitted & ~_inside(centres, part.blind)):
        refuse("the blinded windows leave nothing to fit", f"{path}blind")


def _inside(x: np.ndarray, intervals: Iterable[Interval]) -> np.ndarray:
    return np.asarray(
        np.any([np.zeros(len(x), bool), *((x > a) & (x < b) for a, b in intervals)], axis=0)
    )


def _check_input(model: FitModel, part: SpectrumModel) -> None:
    if model.method.loss == "chi2" and part.input and part.input.column:
        refuse("chi2 is for histograms; the likelihood takes single entries", "method.loss")
    if model.method.loss == "chi2" and model.method.goodness_of_fit:
        refuse("is for the likelihood; chi2 has its own p-value", "method.goodness_of_fit")
    if model.outputs.sweights and part.input and part.input.histogram:
        refuse("sWeights belong to entries: give 'column' as input", "outputs.sweights")
    if model.outputs.sweights and len(part.components) < 2:
        refuse("sWeights tell components apart: there is only one", "outputs.sweights")


def _check_component(model: FitModel, part: SpectrumModel, key: str, at: str) -> None:
    component = part.components[key]
    for use, name in component.uses():
        _require(name, model.parameters, f"{at}.{use}")
        if name in model.yields:
            refuse(f"{name!r} is a yield, not a parameter of a shape", f"{at}.{use}")
    for place, shape in component.shapes(at):
        _check_positive(model, shape, place)
    first = next(name for name, c in part.components.items() if c.yield_ == component.yield_)
    if first != key:
        refuse(f"{component.yield_!r} is used twice; each yield is its own", f"{at}.yield")


def _check_positive(model: FitModel, shape: Shape, path: str) -> None:
    if shape.definition is None:
        return
    for role in shape.definition.positive:
        name = shape.parameters[role]
        parameter = model.parameters[str(name)]
        lowest = _lowest(parameter)
        if lowest is not None and lowest <= 0:
            refuse(
                f"the {role} of a {shape.pdf} is above 0, not {lowest:g}; see parameters.{name}",
                f"{path}.parameters.{role}",
            )


def _lowest(parameter: Parameter) -> float | None:
    """Returns the lowest value that a parameter can have, None if it depends on others."""
    if parameter.limits is not None and not parameter.fixed:
        return parameter.limits[0]
    return parameter.value if isinstance(parameter.value, float) else None


def _check_parameter(model: FitModel, name: str, parameter: Parameter) -> None:
    at = f"parameters.{name}"
    if parameter.parsed is not None:
        _check_known(parameter.parsed.names, model, f"{at}.expression")
    if parameter.label is not None and model.labels is None:
        refuse(
            f"{parameter.value} needs the key 'labels', which says where the labels are",
            f"{at}.value",
        )


def _check_order(model: FitModel) -> None:
    try:
        evaluation_order({name: parse(text) for name, text in model.expressions.items()})
    except ExpressionError as error:
        refuse(str(error), "parameters")


def _mentions(model: FitModel) -> Iterator[tuple[str, Iterable[str]]]:
    minos = model.method.minos_names
    yield "method.minos", [n for n in minos if n not in model.derived] if minos != "all" else ()
    yield "outputs.scans", model.outputs.scans
    yield "plot.parameters", [n for n in model.plot.parameters if n not in model.derived]


def _check_derived(model: FitModel, name: str, text: str) -> None:
    at = f"derived.{name}"
    _check_known(parsed(text, at).names, model, at)
    if name in model.parameters or name in model.yields:
        refuse("a parameter has this name already", at)


def _all_used(model: FitModel) -> set[str]:
    texts = [*model.expressions.values(), *model.derived.values()]
    texts += [edge for w in model.windows.values() for edge in w.range if isinstance(edge, str)]
    return {*model.used, *(name for text in texts for name in parse(text).names)}


def _check_used(name: str, used: Iterable[str]) -> None:
    if name not in used:
        refuse(f"no component uses it{suggest(name, used)}", f"parameters.{name}")


def _check_stage(model: FitModel, stage: Stage, path: str) -> None:
    part = _part(model, stage.spectrum, path)
    for key in stage.components:
        _require(key, part.components, f"{path}.components", "component")
    edges = part.observable.edges
    if not stage.contains((edges[1:] + edges[:-1]) / 2).any():
        lower, upper = part.observable.range
        refuse(
            f"no bin has its centre there; the observable covers {lower:g} to {upper:g}",
            f"{path}.ranges",
        )


def _check_free(name: str, model: FitModel, at: str) -> None:
    parameter = model.parameters.get(name)
    if parameter is not None and not parameter.free:
        kind = "fixed" if parameter.expression is None else "calculated from others"
        refuse(f"{name!r} is {kind}: only free parameters have a profile", at)


def _check_changes(name: str, model: FitModel, at: str) -> None:
    """Refuses what a fit does not change: it is fixed, or follows from what is fixed."""
    pending, seen = [name], set[str]()
    while pending:
        known = pending.pop()
        parameter, text = model.parameters.get(known), model.derived.get(known)
        if known in seen:
            continue
        seen.add(known)
        if parameter is not None and parameter.expression is not None:
            text = parameter.expression
        if text is not None:
            pending += _names_in(text)
        elif parameter is None or parameter.free:
            return  # a yield, or free; names that are not known are refused elsewhere
    kind = "fixed" if len(seen) == 1 else "calculated from fixed parameters"
    refuse(f"{name!r} is {kind}: there is no profile along it", at)


def _names_in(text: str) -> tuple[str, ...]:
    try:
        return parse(text).names
    except ExpressionError:  # refused where it is written
        return ()


def _check_window(model: FitModel, window: Window, path: str) -> None:
    part = _part(model, window.spectrum, path)
    for key in window.signal:
        _require(key, part.components, f"{path}.signal", "component")
    lower, upper = part.observable.range
    for edge in window.range:
        if isinstance(edge, str):
            _check_known(parse(edge).names, model, f"{path}.range")
        elif not lower <= edge <= upper:
            refuse(
                f"{edge:g} lies outside the observable's range {lower:g} to {upper:g}",
                f"{path}.range",
            )


def _part(model: FitModel, spectrum: str | None, path: str) -> SpectrumModel:
    if spectrum is None:
        if len(model.parts) > 1:
            refuse(f"missing key 'spectrum'; {allowed(model.parts)}", path)
        return next(iter(model.parts.values()))
    _require(spectrum, model.parts, f"{path}.spectrum", "spectrum")
    return model.parts[spectrum]


def _check_known(names: Iterable[str], model: FitModel, at: str) -> None:
    for name in names:
        _require(name, [*model.parameters, *model.yields], at)


def _require(name: str, known: Iterable[str], at: str, kind: str = "") -> None:
    known = list(known)
    if name in known:
        return
    if kind:
        refuse(f"unknown {kind} {name!r}{suggest(name, known)}; {allowed(known)}", at)
    refuse(f"{name!r} is not defined in 'parameters'{suggest(name, known)}", at)
