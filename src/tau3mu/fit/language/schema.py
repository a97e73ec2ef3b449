"""Writes the JSON schema of fit files and the tables of the reference page.

Run `python -m tau3mu.fit.language.schema FOLDER` on the folder of the repository after a change of
the language or of the pdfs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tau3mu.fit.language.json_schema import schema_text
from tau3mu.fit.language.reference import with_tables
from tau3mu.storage.files import write_text

__all__ = ["main"]


def main(folder: Path) -> None:
    """Writes the schema, and the tables into the reference page.

    Args:
        folder: The repository.
    """
    write_text(folder / "src" / "tau3mu" / "fit" / "language" / "fit.schema.json", schema_text())
    page = folder / "docs" / "reference" / "fit-files.md"
    write_text(page, with_tables(page.read_text("utf-8")))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
