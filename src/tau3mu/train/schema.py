"""The JSON schema of train files: for editors, and for the reference page.

Run `python -m tau3mu.train.schema FOLDER` on the folder of the repository after a change of the
language.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args

from tau3mu.config.key_tables import KeyTables, schema_of, with_tables
from tau3mu.storage.files import write_text
from tau3mu.train.language import TrainFile

__all__ = ["json_schema", "main", "page_with_tables", "schema_text"]

_TABLES = KeyTables(
    "TrainFile",
    ("TrainFile", "Analysis", "WagonEntry", "Outputs", "Skim", "Limits", "TrainSettings"),
    {"TrainFile": "The whole file", "WagonEntry": "Wagon", "TrainSettings": "Settings"},
)


def json_schema() -> dict[str, Any]:
    """Returns the JSON schema (2020-12) of train files.

    It does not know which parameters a processor has: `check` does.
    """
    version = get_args(TrainFile.model_fields["schema_version"].annotation)[0]
    return schema_of(TrainFile, "A train file of tau3mu", f"urn:tau3mu:train:{version}")


def schema_text() -> str:
    """Returns the text of `train.schema.json`."""
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
    write_text(folder / "src" / "tau3mu" / "train" / "train.schema.json", schema_text())
    page = folder / "docs" / "reference" / "train-files.md"
    write_text(page, page_with_tables(page.read_text("utf-8")))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
