"""The tables of the reference page of fit files, made from the JSON schema and from the pdfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.config import key_tables
from tau3mu.config.key_tables import KeyTables, cell
from tau3mu.fit.expressions import CONSTANTS, FUNCTIONS
from tau3mu.fit.language.json_schema import ALTERNATIVES, json_schema
from tau3mu.fit.language.shapes import TEMPLATES
from tau3mu.fit.pdfs import PDFS
from tau3mu.fit.pdfs.dimuon import DIMUON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.fit.pdfs import Pdf

__all__ = ["with_tables"]

_ORDER = (
    "FitModel", "SpectrumModel", "Observable", "Input", "Component", "Shape", "Parameter",
    "Constraint", "Labels", "Method", "Minos", "Stage", "Starts", "GoodnessOfFit", "Window",
    "Outputs", "Plot", "Text",
)  # fmt: skip
_HEADINGS = {
    "FitModel": "The whole file",
    "SpectrumModel": "Spectrum",
    "GoodnessOfFit": "Goodness of fit",
}


def with_tables(page: str) -> str:
    """Returns the page with new tables between its comments `begin NAME` and `end NAME`.

    Args:
        page: The text in Markdown.
    """
    calls = (f"`{name}({', '.join('ab'[:number])})`" for name, (_, number) in FUNCTIONS.items())
    keys = KeyTables(
        "FitModel", _ORDER, _HEADINGS, alternatives=ALTERNATIVES, extends={"Component": "Shape"}
    )
    tables = {
        "keys": keys.text(json_schema()),
        "pdfs": _pdf_table(pdf for pdf in PDFS.values() if pdf not in DIMUON),
        "templates": _template_table(),
        "dimuon": _pdf_table(DIMUON),
        "functions": ", ".join((*(f"`{name}`" for name in CONSTANTS), *calls)),
    }
    return key_tables.with_tables(page, tables)


def _pdf_table(pdfs: Iterable[Pdf]) -> str:
    rows = []
    for pdf in pdfs:
        parameters = [
            f"`{name}`" + (" > 0" if name in pdf.positive else "") for name in pdf.parameters
        ]
        rows.append(f"| `{pdf.name}` | {', '.join(parameters)} | {cell(pdf.description)} |\n")
    return f"| Pdf | Parameters | Formula |\n|---|---|---|\n{''.join(rows)}"


def _template_table() -> str:
    rows = [f"| `{name}` | {cell(meaning)} |\n" for name, meaning in TEMPLATES.items()]
    return f"| Pdf | Shape |\n|---|---|\n{''.join(rows)}"
