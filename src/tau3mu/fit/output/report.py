"""A fit as tables for people, and in words whether it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tau3mu.fit.output.numbers import decimals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from tau3mu.fit.fitting.result import FitResult, ParameterResult

__all__ = ["print_fit"]

_COUNTED = {
    "Signal": "signal",
    "Background": "background",
    "S/B": "signal_over_background",
    "Purity": "purity",
    "Significance": "significance",
}


def print_fit(console: Console, result: FitResult) -> None:
    """Prints the parameters of a fit and what follows from them, its quality and its messages."""
    for table in _tables(result):
        console.print(table)
    for line in _quality(result):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    style, verdict = ("green", "valid") if result.valid else ("bold red", "NOT VALID")
    console.print(f"The fit is {verdict}.", style=style)
    for message in result.messages:
        console.print(f"- {message}", markup=False, highlight=False, soft_wrap=True)


def _tables(result: FitResult) -> Iterator[Table]:
    yield _parameters(result)
    if result.derived:
        table = Table("Derived", "Value", "Expression")
        for name, quantity in result.derived.items():
            table.add_row(name, quantity.text, Text(result.model.derived[name]))
        yield table
    if result.windows:
        yield _windows(result)
    if len(result.spectra) > 1:
        yield _spectra(result)


def _parameters(result: FitResult) -> Table:
    minos = any(parameter.minos for parameter in result.parameters.values())
    columns = ["Parameter", "Value", *(["Minos"] if minos else []), "Limits or expression"]
    table = Table(*columns, title=f"Fit {result.model.name}")
    for name, parameter in result.parameters.items():
        asymmetric = [_minos(parameter)] if minos else []
        table.add_row(name, parameter.text, *asymmetric, Text(_origin(parameter)))
    return table


def _minos(parameter: ParameterResult) -> str:
    if parameter.minos is None:
        return ""
    down, up = parameter.minos
    digits = decimals(parameter.error or up)
    return f"{down:+.{digits}f} {up:+.{digits}f}"


def _origin(parameter: ParameterResult) -> str:
    if parameter.expression is not None:
        return f"= {parameter.expression}"
    return "{:g} to {:g}".format(*parameter.limits) if parameter.limits else ""


def _windows(result: FitResult) -> Table:
    table = Table("Window", *result.windows)
    windows = result.windows.values()
    table.add_row("Range", *("{:.4g} to {:.4g}".format(*window.range) for window in windows))
    for title, key in _COUNTED.items():
        table.add_row(title, *(getattr(window, key).text for window in windows))
    return table


def _spectra(result: FitResult) -> Table:
    table = Table("Spectrum", "Entries", "Outside", "χ²", "Bins")
    for name, spectrum in result.spectra.items():
        table.add_row(
            name,
            f"{spectrum.entries:g}",
            f"{spectrum.outside:g}",
            f"{spectrum.chi2:.1f}",
            str(spectrum.bins),
        )
    return table


def _quality(result: FitResult) -> Iterator[str]:
    """Yields what the fit is made of and how well it describes the data."""
    kind = "weighted entries" if any(s.weighted for s in result.spectra.values()) else "entries"
    outside = sum(spectrum.outside for spectrum in result.spectra.values())
    probability = "" if result.p_value is None else f" (p = {result.p_value:.2g})"
    yield (
        f"{result.entries:g} {kind}"
        f"{f', {outside:g} outside of the fitted ranges' if outside else ''}, "
        f"chi2/ndf = {result.chi2:.1f}/{result.ndf}{probability}, NLL = {result.nll:.3f}, "
        f"{result.fit_seconds:.1f} s with {result.engine}"
    )
    if (test := result.goodness_of_fit) is not None:
        failed = f", {test.failed} fits failed" if test.failed else ""
        yield f"goodness of fit from {test.toys} toys: p = {test.p_value:.2g}{failed}"
