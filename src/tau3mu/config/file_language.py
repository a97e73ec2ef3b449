"""The languages of users' files, as schemas for editors and tables of keys for reference pages."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.key_tables import KeyTables, schema_of, with_tables

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["FileLanguage"]


@dataclass(frozen=True)
class FileLanguage:
    """The language of a file, with the places in the repository that repeat it.

    Attributes:
        model: Of a whole file.
        title: What such a file is.
        identifier: A URN.
        tables: How its keys are listed.
        place: Of the schema, from the repository.
        page: That lists its keys, from the repository.
    """

    model: type[BaseModel]
    title: str
    identifier: str
    tables: KeyTables
    place: str
    page: str

    def schema(self) -> dict[str, Any]:
        """Returns the JSON schema (2020-12); it does not know what keys mean to each other."""
        return schema_of(self.model, self.title, self.identifier)

    def schema_text(self) -> str:
        """Returns the text of the file of the schema."""
        return json.dumps(self.schema(), indent=2, ensure_ascii=False) + "\n"

    def page_with_tables(self, page: str) -> str:
        """Returns the reference page with new tables.

        Args:
            page: The text in Markdown.
        """
        return with_tables(page, {"keys": self.tables.text(self.schema())})

    def write(self, repository: str | Path | None = None) -> None:
        """Writes the schema, and the tables into the reference page.

        Args:
            repository: Its folder; by default the first word of the command line, or `.`.
        """
        folder = Path(repository or (sys.argv[1] if len(sys.argv) > 1 else "."))
        (folder / self.place).write_text(self.schema_text(), "utf-8")
        page = folder / self.page
        page.write_text(self.page_with_tables(page.read_text("utf-8")), "utf-8")
