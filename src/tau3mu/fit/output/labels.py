"""The labels of observables and parameters on plots, with their units."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.output.numbers import math_scripts, value_text
from tau3mu.fit.pdfs import PDFS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.fit.fitting.result import ParameterResult, Quantity
    from tau3mu.fit.language import FitModel
    from tau3mu.fit.language.parts import Observable
    from tau3mu.fit.language.shapes import Shape

__all__ = [
    "axis_label",
    "observable_label",
    "parameter_axis",
    "parameter_line",
    "parameter_symbols",
    "per_bin",
]

_ENERGY = re.compile(r"[kMGT]?eV")
_MOMENTUM = re.compile(r"\W*(?:mathit\W*)?p(?:[_ᵀ{}$ ]|T|\b)")  # $p_T$, pT, p(μμ) and the like
_PREFIXES = ("T", "G", "M", "k", "")
_BROAD = 0.1  # narrower bins are given in the next smaller unit
_SYMBOLS = {
    **dict.fromkeys(("mu", "m", "mean"), "μ"),
    **dict.fromkeys(("sigma", "width"), "σ"),
    "alpha": "α", "sigmal": "σ$_L$", "sigmar": "σ$_R$", "alphal": "α$_L$", "alphar": "α$_R$",
    "alpha_left": "α$_L$", "alpha_right": "α$_R$", "nl": "n$_L$", "nr": "n$_R$",
    "n_left": "n$_L$", "n_right": "n$_R$", "gamma": "γ", "lambd": "λ", "beta": "β", "delta": "δ",
    "coefficients": "c",
}  # fmt: skip
# The power of the observable's unit that a parameter has: of peaks by its role, else by the pdf.
_OF_PEAKS = dict.fromkeys(("mu", "m", "mean", "sigma", "sigmal", "sigmar", "width"), 1)
_OF_PDFS = {
    ("Cauchy", "gamma"): 1,
    ("Voigt", "gamma"): 1,
    ("RelativisticBreitWigner", "gamma"): 1,
    ("JohnsonSU", "lambd"): 1,
    ("ExpModGauss", "lambd"): -1,
    ("Exponential", "slope"): -1,
    ("Exp", "slope"): -1,
    ("Argus", "m0"): 1,
}
_SHARED = 2  # components that a symbol names


def axis_label(label: str, unit: str, style: str) -> str:
    """Returns the label of an axis with its unit, if there is one, in the brackets of a style.

    Args:
        label: Without a unit.
        unit: Empty if there is none.
        style: CMS, ALICE or plain.
    """
    if unit:
        label += f" ({unit})" if style == "ALICE" else f" [{unit}]"
    return math_scripts(label)


def observable_label(observable: Observable, style: str) -> str:
    """Returns the label of the axis of an observable.

    Args:
        observable: The axis.
        style: CMS, ALICE or plain.
    """
    return axis_label(observable.label, _unit(observable, style), style)


def per_bin(observable: Observable, width: float | None, style: str) -> str:
    """Returns the width of a bin with its unit, or the unit if bins have different widths.

    Args:
        observable: The axis.
        width: Of all bins, in the unit of the observable; None if they differ.
        style: CMS, ALICE or plain.
    """
    unit = _unit(observable, style)
    if width is None:
        return unit or "unit"
    for larger, smaller in pairwise(_PREFIXES):
        if unit.startswith(f"{larger}eV") and width < _BROAD:
            width, unit = 1000 * width, smaller + unit.removeprefix(larger)
    number = np.format_float_positional(width, precision=3, fractional=False, trim="-")
    return f"{number} {unit}".rstrip()


def parameter_symbols(model: FitModel) -> dict[str, str]:
    """Returns for every parameter and derived quantity how it is written.

    That is the symbol of `plot.parameters`. Others are made of what the parameter does, and of the
    labels of the components that use it, such as σ(J/ψ); if that is not clear, it is the name.

    Args:
        model: The fit.
    """
    made: dict[str, str] = {}
    for name, uses in _uses(model).items():
        roles = {symbol for symbol, _, _ in uses}
        labels = dict.fromkeys(label for _, label, _ in uses)
        spectra = {spectrum for _, _, spectrum in uses}
        if len(roles) == 1 and len(labels) <= _SHARED:
            here = spectra if len(model.parts) > 1 and len(spectra) == 1 else ()
            made[name] = f"{roles.pop()}({', '.join([*labels, *here])})"
    often = Counter(made.values())
    clear = {name: symbol for name, symbol in made.items() if often[symbol] == 1}
    names = (*model.parameters, *model.yields, *model.derived)
    symbols = {name: name for name in names} | clear | model.plot.parameters
    return {name: math_scripts(symbol) for name, symbol in symbols.items()}


def parameter_axis(model: FitModel, name: str) -> str:
    """Returns the label of an axis on which a parameter is drawn, with its unit.

    Args:
        model: The fit.
        name: Of the parameter.
    """
    symbol = parameter_symbols(model).get(name, name)
    style = model.plot.style
    return axis_label(symbol, "" if _says_unit(symbol) else _parameter_unit(model, name), style)


def parameter_line(model: FitModel, name: str, found: ParameterResult | Quantity) -> str:
    """Returns the value of a parameter with its symbol and unit.

    Args:
        model: The fit.
        name: Of the parameter or derived quantity.
        found: Its value and error.
    """
    symbol = parameter_symbols(model).get(name, name)
    unit = "" if _says_unit(symbol) else _parameter_unit(model, name)
    return math_scripts(f"{symbol} = {value_text(found)} {unit}".rstrip())


def _says_unit(symbol: str) -> bool:
    return _ENERGY.search(symbol) is not None


def _unit(observable: Observable, style: str) -> str:
    """Returns the unit of an observable, that of a mass or a momentum with c where ALICE has it."""
    unit = observable.unit
    if style != "ALICE" or not _ENERGY.fullmatch(unit):
        return unit
    return f"{unit}/c" if _MOMENTUM.match(observable.label) else f"{unit}/c²"


def _parameter_unit(model: FitModel, name: str) -> str:
    """Returns the unit of a parameter, "" if it has none or not a single one."""
    units = set()
    for part in model.parts.values():
        unit = _unit(part.observable, model.plot.style)
        for component in part.components.values():
            if name == component.yield_:
                units.add("")
            for _, shape in component.shapes():
                units |= {
                    _power(unit, _dimension(shape, role))
                    for role, names in shape.parameters.items()
                    if name in ([names] if isinstance(names, str) else names)
                }
                units |= {""} if name in (shape.fractions or ()) else set()
    return units.pop() if len(units) == 1 else ""


def _dimension(shape: Shape, role: str) -> int:
    if shape.pdf not in PDFS:
        return 0
    of_role = _OF_PEAKS.get(role, 0) if shape.peaks else 0
    return _OF_PDFS.get((shape.pdf, role), of_role)


def _power(unit: str, dimension: int) -> str:
    if dimension == 0 or not unit:
        return ""
    if dimension == 1:
        return unit
    above, slash, below = unit.partition("/")
    return f"{below}/{above}" if slash else f"{unit}⁻¹"


def _uses(model: FitModel) -> dict[str, list[tuple[str, str, str]]]:
    """Returns for every parameter where it is used: its symbol, component and spectrum."""
    uses: dict[str, list[tuple[str, str, str]]] = {}
    for spectrum, part in model.parts.items():
        for component in part.components.values():
            label, where = component.label, part.label or spectrum
            for name, symbol in ((component.yield_, "N"), *_shape_symbols(component)):
                uses.setdefault(name, []).append((symbol, label, where))
    return uses


def _shape_symbols(shape: Shape) -> Iterator[tuple[str, str]]:
    """Yields the names of the parameters of a shape and of its parts, and their symbols."""
    parts = shape.sum or ()
    for role, names in shape.parameters.items():
        symbol = _SYMBOLS.get(role, role.replace("_", " "))
        if isinstance(names, str):
            yield names, symbol
        else:
            yield from ((name, f"{symbol}$_{{{i}}}$") for i, name in enumerate(names, 1))
    for number, part in enumerate(parts, 1):
        for name, symbol in _shape_symbols(part):
            shared = all(name in other.names for other in parts)
            yield name, symbol if shared else f"{symbol}$_{{{number}}}$"
    yield from ((name, f"f$_{{{i}}}$") for i, name in enumerate(shape.fractions or (), 1))
    if shape.resolution is not None:
        for name, symbol in _shape_symbols(shape.resolution):
            yield name, f"{symbol}$_{{\\mathrm{{res}}}}$"
