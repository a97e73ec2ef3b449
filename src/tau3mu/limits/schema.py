"""The JSON schema of limit models: for editors, and for the reference page.

Run `python -m tau3mu.limits.schema FOLDER` on the folder of the repository after a change of the
language.
"""

from __future__ import annotations

from typing import Final

from tau3mu.config.file_language import FileLanguage
from tau3mu.config.key_tables import KeyTables
from tau3mu.limits.language.model import VERSION, LimitModel

__all__ = ["LANGUAGE"]

LANGUAGE: Final = FileLanguage(
    LimitModel,
    "A limit model of tau3mu",
    f"urn:tau3mu:limits:{VERSION}",
    KeyTables(
        "LimitModel",
        (
            "LimitModel", "Strength", "Spectrum", "Peak", "Background", "Yield", "ShapeParameter",
            "Constraint", "MassData", "HistogramData", "CountData", "ResultsData", "Counting",
            "Process", "Nuisance", "Variation",
        ),
        {
            "LimitModel": "The whole file", "ShapeParameter": "Shape parameter",
            "MassData": "Masses", "HistogramData": "Histogram", "CountData": "Count",
            "ResultsData": "Results",
        },
    ),
    "src/tau3mu/limits/limits.schema.json",
    "docs/reference/limit-files.md",
)  # fmt: skip


if __name__ == "__main__":
    LANGUAGE.write()
