"""The JSON schema of limit models: for editors, and for the reference page.

Run `python -m tau3mu.limits.schema FOLDER` on the folder of the repository after a change of the
language.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tau3mu.config.key_tables import KeyTables, schema_of, with_tables
from tau3mu.limits.language.model import VERSION, LimitModel
from tau3mu.storage.files import write_text

__all__ = ["json_schema", "main", "page_with_tables", "schema_text"]

_TABLES = KeyTables(
    "LimitModel",
    (
        "LimitModel", "Strength", "Spectrum", "Peak", "Background", "Yield", "ShapeParameter",
        "Constraint", "MassData", "HistogramData", "CountData", "ResultsData", "Counting",
        "Process", "Nuisance", "Variation",
    ),
    {
        "LimitModel": "The whole file", "ShapeParameter": "Shape parameter", "MassData": "Masses",
        "HistogramData": "Histogram", "CountData": "Count", "ResultsData": "Results",
    },
)  # fmt: skip


def json_schema() -> dict[str, Any]:
    """Returns the JSON schema (2020-12) of limit models.

    It does not know whether numbers and names fit together: `check` does.
    """
    return schema_of(LimitModel, "A limit model of tau3mu", f"urn:tau3mu:limits:{VERSION}")


def schema_text() -> str:
    """Returns the text of `limits.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def page_with_tables(page: str) -> str:
    """Returns the reference page with new tables.

    Args:
        page: The text in Markdown.
    """
    return with_tables(page, {"keys": _TABLES.text(json_schema())})


def main(folder: Path) -> None:
    """Writes the schema, and the tables into the reference page.

    Args:
        folder: The repository.
    """
    write_text(folder / "src" / "tau3mu" / "limits" / "limits.schema.json", schema_text())
    page = folder / "docs" / "reference" / "limit-files.md"
    write_text(page, page_with_tables(page.read_text("utf-8")))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
