"""Checks between the parts of a fit file: names that exist, ranges that are not empty."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import suggest
from tau3mu.fit.expressions import ExpressionError, evaluation_order, parse
from tau3mu.fit.language.base import allowed, problem
from tau3mu.fit.language.values import first_values, inside

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from tau3mu.config.problems import Problem
    from tau3mu.fit.language.model import FitModel, SpectrumModel
    from tau3mu.fit.language.parts import Parameter
    from tau3mu.fit.language.shapes import Shape

__all__ = ["contradictions"]


def contradictions(model: FitModel) -> list[Problem]:
    """Returns everything in which the parts of a model contradict each other.

    Parameters that nothing uses are named only if all names are right, since a name that is
    misspelled where it is used leaves the right one unused; impossible values only after that.

    Args:
        model: The fit.
    """
    return (
        list(_wrong_names(model))
        or list(_unused_parameters(model))
        or list(_impossible_values(model))
    )


def _wrong_names(model: FitModel) -> Iterator[Problem]:
    known = [*model.parameters, *model.yields]
    for key, part in model.parts.items():
        path = f"spectra.{key}." if model.spectra else ""
        yield from _ranges(part, path)
        yield from _inputs(model, part, path)
        for name in part.components:
            yield from _component(model, part, name, f"{path}components.{name}")
    yield from _parameters(model, known)
    names = () if model.method.minos_names == "all" else model.method.minos_names
    yield from _undefined((n for n in names if n not in model.derived), known, "method.minos")
    yield from _constant(model, names)
    yield from _undefined(model.outputs.scans, known, "outputs.scans")
    yield from _scans(model)
    drawn = (name for name in model.plot.parameters if name not in model.derived)
    yield from _undefined(drawn, known, "plot.parameters")
    for name, text in model.derived.items():
        yield from _undefined(parse(text).names, known, f"derived.{name}")
        if name in known:
            message = "a parameter has this name already"
            yield problem("repeated-name", f"derived.{name}", message)
    yield from _stages(model)
    yield from _windows(model, known)


def _ranges(part: SpectrumModel, path: str) -> Iterator[Problem]:
    lower, upper = part.observable.range
    for key in ("ranges", "blind"):
        for number, (low, high) in enumerate(getattr(part, key)):
            if low < lower or high > upper:
                yield _outside(f"{low:g} to {high:g}", part, f"{path}{key}.{number}")
    edges = sorted({lower, upper, *(e for r in (*part.ranges, *part.blind) for e in r)})
    centers = (np.array(edges[1:]) + edges[:-1]) / 2
    fitted = inside(centers, part.ranges or (part.observable.range,))
    if not np.any(fitted & ~inside(centers, part.blind)):
        yield problem("all-blinded", f"{path}blind", "the blinded windows leave nothing to fit")


def _outside(what: str, part: SpectrumModel, path: str) -> Problem:
    lower, upper = part.observable.range
    message = f"{what} lies outside the observable's range {lower:g} to {upper:g}"
    return problem("outside-range", path, message)


def _inputs(model: FitModel, part: SpectrumModel, path: str) -> Iterator[Problem]:
    method, weights = model.method, model.outputs.sweights
    if part.input and part.input.binned and part.observable.bins is None:
        message = "missing key, which the 'binned' of the input needs"
        yield problem("missing-key", f"{path}observable.bins", message)
    if method.loss == "chi2" and part.unbinned:
        message = "chi2 is for histograms; the likelihood takes single entries"
        yield problem("needs-histogram", "method.loss", message)
    if method.loss == "chi2" and method.goodness_of_fit:
        message = "is for the likelihood; chi2 has its own p-value"
        yield problem("needs-likelihood", "method.goodness_of_fit", message)
    if weights and part.input and not part.unbinned:
        message = "sWeights are of single entries: give 'column' as input, not 'binned'"
        yield problem("needs-entries", "outputs.sweights", message)
    if weights and len(part.components) < 2:
        message = "sWeights separate components, but there is only one"
        yield problem("needs-components", "outputs.sweights", message)


def _component(model: FitModel, part: SpectrumModel, key: str, at: str) -> Iterator[Problem]:
    component = part.components[key]
    for use, name in component.uses():
        if name in model.yields:
            message = f"{name!r} is a yield, not a parameter of a shape"
            yield problem("yield-in-shape", f"{at}.{use}", message)
        else:
            yield from _undefined([name], model.parameters, f"{at}.{use}")
    for place, shape in component.shapes(at):
        for role, name in _positive_roles(shape):
            lowest = _lowest(model.parameters.get(name))
            if name not in model.yields and lowest is not None and lowest <= 0:
                message = (
                    f"expected the {role} of a {shape.pdf} above 0, got {lowest:g}; see "
                    f"parameters.{name}"
                )
                yield problem("not-positive", f"{place}.parameters.{role}", message)
    first = next(name for name, c in part.components.items() if c.yield_ == component.yield_)
    if first != key:
        message = f"{component.yield_!r} is the yield of {first} already"
        yield problem("repeated-yield", f"{at}.yield", message)


def _positive_roles(shape: Shape) -> list[tuple[str, str]]:
    """Returns the roles whose parameters have to be above 0, and the names of these."""
    roles = shape.definition.positive if shape.definition else ()
    return [(role, str(shape.parameters[role])) for role in roles]


def _lowest(parameter: Parameter | None) -> float | None:
    """Returns the lowest value that a parameter can have, None if it depends on others."""
    if parameter is None:
        return None
    if parameter.limits is not None and not parameter.fixed:
        return parameter.limits[0]
    return parameter.value if isinstance(parameter.value, float) else None


def _parameters(model: FitModel, known: Iterable[str]) -> Iterator[Problem]:
    for name, parameter in model.parameters.items():
        if parameter.parsed is not None:
            yield from _undefined(parameter.parsed.names, known, f"parameters.{name}.expression")
        if parameter.label is not None and model.labels is None:
            message = f"{parameter.value} needs the key 'labels', which says where the labels are"
            yield problem("missing-labels", f"parameters.{name}.value", message)
    try:
        evaluation_order({name: parse(text) for name, text in model.expressions.items()})
    except ExpressionError as error:
        yield problem("circular-expressions", "parameters", str(error))


def _scans(model: FitModel) -> Iterator[Problem]:
    for name in model.outputs.scans:
        parameter = model.parameters.get(name)
        if parameter is not None and not parameter.free:
            kind = "fixed" if parameter.expression is None else "calculated from others"
            message = f"{name!r} is {kind}: only free parameters have a profile"
            yield problem("not-free", "outputs.scans", message)


def _constant(model: FitModel, names: Iterable[str]) -> Iterator[Problem]:
    """Yields the names for Minos that a fit does not change, or that follow from such alone."""
    for name in names:
        if _is_constant(model, name):
            own = model.parameters.get(name)
            kind = "fixed" if own and own.expression is None else "calculated from fixed parameters"
            message = f"{name!r} is {kind}: there is no profile along it"
            yield problem("not-free", "method.minos", message)


def _is_constant(model: FitModel, name: str, seen: frozenset[str] = frozenset()) -> bool:
    """Returns whether a fit leaves a parameter or a derived quantity as it is."""
    parameter, text = model.parameters.get(name), model.derived.get(name)
    text = parameter.expression if parameter is not None else text
    if text is None:
        return parameter is not None and not parameter.free
    used = [other for other in parse(text).names if other not in seen]
    return all(_is_constant(model, other, seen | {name}) for other in used)


def _stages(model: FitModel) -> Iterator[Problem]:
    for number, stage in enumerate(model.method.stages):
        path = f"method.stages.{number}"
        part = yield from _part(model, stage.spectrum, path)
        if part is None:
            continue
        yield from _unknown(stage.components, part.components, f"{path}.components", "component")
        edges = part.observable.edges
        if not stage.contains((edges[1:] + edges[:-1]) / 2).any():
            lower, upper = part.observable.range
            message = f"no bin has its center there; the observable covers {lower:g} to {upper:g}"
            yield problem("outside-range", f"{path}.ranges", message)


def _windows(model: FitModel, known: Iterable[str]) -> Iterator[Problem]:
    for name, window in model.windows.items():
        path = f"windows.{name}"
        part = yield from _part(model, window.spectrum, path)
        if part is None:
            continue
        yield from _unknown(window.signal, part.components, f"{path}.signal", "component")
        lower, upper = part.observable.range
        for edge in window.range:
            if isinstance(edge, str):
                yield from _undefined(parse(edge).names, known, f"{path}.range")
            elif not lower <= edge <= upper:
                yield _outside(f"{edge:g}", part, f"{path}.range")


def _part(
    model: FitModel, spectrum: str | None, path: str
) -> Generator[Problem, None, SpectrumModel | None]:
    """Yields what is wrong with the name of a spectrum, and returns the spectrum if it is known."""
    if spectrum is None and len(model.parts) == 1:
        return next(iter(model.parts.values()))
    if spectrum is None:
        message = f"missing key; {allowed(model.parts)}"
        yield problem("missing-key", f"{path}.spectrum", message)
        return None
    yield from _unknown([spectrum], model.parts, f"{path}.spectrum", "spectrum")
    return model.parts.get(spectrum)


def _undefined(names: Iterable[str], known: Iterable[str], at: str) -> Iterator[Problem]:
    known = list(known)
    for name in names:
        if name not in known:
            message = f"{name!r} is not defined in 'parameters'{suggest(name, known)}"
            yield problem("undefined-parameter", at, message)


def _unknown(names: Iterable[str], known: Iterable[str], at: str, kind: str) -> Iterator[Problem]:
    known = list(known)
    for name in names:
        if name not in known:
            message = f"unknown {kind} {name!r}{suggest(name, known)}; {allowed(known)}"
            yield problem(f"unknown-{kind}", at, message)


def _unused_parameters(model: FitModel) -> Iterator[Problem]:
    texts = [*model.expressions.values(), *model.derived.values()]
    texts += [edge for w in model.windows.values() for edge in w.range if isinstance(edge, str)]
    used = {*model.used, *(name for text in texts for name in parse(text).names)}
    for name in model.parameters:
        if name not in used:
            message = f"no component uses it{suggest(name, used)}"
            yield problem("unused-parameter", f"parameters.{name}", message)


def _impossible_values(model: FitModel) -> Iterator[Problem]:
    """Yields each number that cannot be computed, or not be used, at first values.

    Derived quantities and the edges of windows are checked only where nothing that a fit changes
    is in them.
    """
    values = first_values(model)
    for name, text in model.expressions.items():
        yield from _not_finite(text, values, f"parameters.{name}.expression")
    constant = {name: value for name, value in values.items() if _is_constant(model, name)}
    for name, text in model.derived.items():
        yield from _not_finite(text, constant, f"derived.{name}")
    for name, window in model.windows.items():
        for edge in window.range:
            if isinstance(edge, str):
                yield from _not_finite(edge, constant, f"windows.{name}.range")
    for key, part in model.parts.items():
        path = f"spectra.{key}." if model.spectra else ""
        for component, whole in part.components.items():
            for place, shape in whole.shapes(f"{path}components.{component}"):
                for role, name in _positive_roles(shape):
                    if name in model.expressions and values.get(name, 1.0) <= 0:
                        message = (
                            f"expected the {role} of a {shape.pdf} above 0, but {name} is "
                            f"{values[name]:g} at the first values"
                        )
                        yield problem("not-positive", f"{place}.parameters.{role}", message)


def _not_finite(text: str, values: Mapping[str, float], at: str) -> Iterator[Problem]:
    expression = parse(text)
    if not set(expression.names) <= set(values):
        return
    value = float(expression.evaluate(values))
    if not math.isfinite(value):
        used = ", ".join(f"{name} = {values[name]:g}" for name in expression.names)
        message = f"{text!r} is {value:g} at the first values {used}: it cannot be computed"
        yield problem("not-finite", at, message)
