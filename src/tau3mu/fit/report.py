"""A fit as a table for people, and in words whether it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from tau3mu.fit.result import FitResult

__all__ = ["print_fit"]


def print_fit(console: Console, result: FitResult) -> None:
    """Prints the parameters of a fit with errors and limits, its quality and its messages."""
    table = Table("Parameter", "Value", "Limits", title=f"Fit {result.model}")
    for name, parameter in result.parameters.items():
        limits = parameter.limits
        table.add_row(name, parameter.text, f"{limits[0]:g} to {limits[1]:g}" if limits else "")
    console.print(table)
    console.print(
        f"{result.entries:g} entries, chi2/ndf = {result.chi2:.1f}/{result.ndf}, "
        f"NLL = {result.nll:.3f}, {result.fit_seconds:.1f} s"
    )
    style, verdict = ("green", "valid") if result.valid else ("bold red", "NOT VALID")
    console.print(f"The fit is {verdict}.", style=style)
    for message in result.messages:
        console.print(f"- {message}", markup=False, highlight=False, soft_wrap=True)
