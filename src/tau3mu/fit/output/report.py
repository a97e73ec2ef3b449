"""A fit as printed tables, with its quality and verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.terminal import PlainTable, plain
from tau3mu.fit.output.numbers import decimals
from tau3mu.report.numbers import mark_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from tau3mu.fit.fitting.result import DerivedResult, FitResult, ParameterResult

__all__ = ["print_fit"]

_COUNTED = {
    "Signal": "signal",
    "Background": "background",
    "S/B": "signal_over_background",
    "Purity": "purity",
    "Significance": "significance",
}


def print_fit(console: Console, result: FitResult, *, of: str | None = None) -> None:
    """Prints the parameters of a fit and what follows from them, its quality and its messages.

    Args:
        console: Where it is printed.
        result: The fit.
        of: Whose results were fitted, such as the name of a processor.
    """
    for table in _tables(result, of):
        console.print(table)
    for line in _quality(result):
        console.print(plain(line), highlight=False, soft_wrap=True)
    style, verdict = ("green", "valid") if result.valid else ("bold red", "NOT VALID")
    console.print(f"The fit is {verdict}.", style=style)
    for message in result.messages:
        console.print(plain(f"- {message}"), highlight=False, soft_wrap=True)


def _tables(result: FitResult, of: str | None) -> Iterator[PlainTable]:
    yield _parameters(result, of)
    if result.derived:
        levels = _levels(result.derived.values())
        table = PlainTable("Derived", "Value", *levels, "Expression")
        for name, quantity in result.derived.items():
            expression = result.model.derived[name]
            table.add_row(name, quantity.text, *_minos(quantity, levels), expression)
        yield table
    if result.windows:
        yield _windows(result)
    if len(result.spectra) > 1:
        yield _spectra(result)


def _parameters(result: FitResult, of: str | None) -> PlainTable:
    levels = _levels(result.parameters.values())
    columns = ["Parameter", "Value", *levels, "Limits or expression"]
    whose = f" of {of}" if of else ""
    table = PlainTable(*columns, title=f"Fit {result.model.name}{whose}")
    for name, parameter in result.parameters.items():
        sides = _minos(parameter, levels)
        mark = mark_of(
            parameter.value, parameter.error, parameter.limits, at_limit=parameter.at_limit
        )
        origin = ": ".join(text for text in (_origin(parameter), mark.upper()) if text)
        style = "bold yellow" if mark else ""
        table.add_row(name, parameter.text, *sides, origin, style=style)
    return table


def _levels(items: Iterable[ParameterResult | DerivedResult]) -> list[str]:
    """Returns the titles of the columns for Minos."""
    items = list(items)
    others = sorted({level for item in items for level in item.minos_levels})
    first = ["Minos"] if any(item.minos for item in items) else []
    return [*first, *(f"Minos {level} %" for level in others)]


def _minos(item: ParameterResult | DerivedResult, columns: list[str]) -> list[str]:
    """Returns the asymmetric errors, with the digits of the error."""
    sides = {"Minos": item.minos} | {f"Minos {n} %": s for n, s in item.minos_levels.items()}
    texts = []
    for column in columns:
        known = [side for side in sides.get(column) or () if side is not None]
        digits = decimals(item.error or max(known, default=1.0, key=abs))
        both = ("?" if side is None else f"{side:+.{digits}f}" for side in sides.get(column) or ())
        texts.append(" ".join(both))
    return texts


def _origin(parameter: ParameterResult) -> str:
    if parameter.expression is not None:
        return f"= {parameter.expression}"
    return "{:g} to {:g}".format(*parameter.limits) if parameter.limits else ""


def _windows(result: FitResult) -> PlainTable:
    table = PlainTable("Window", *result.windows)
    windows = result.windows.values()
    table.add_row("Range", *("{:.4g} to {:.4g}".format(*window.range) for window in windows))
    for title, key in _COUNTED.items():
        table.add_row(title, *(getattr(window, key).text for window in windows))
    return table


def _spectra(result: FitResult) -> PlainTable:
    table = PlainTable("Spectrum", "Entries", "Outside", "χ²", "Bins")
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
