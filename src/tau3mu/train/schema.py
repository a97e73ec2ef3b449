"""The JSON schema of train files: for editors, and for the reference page.

Run `python -m tau3mu.train.schema FOLDER` on the folder of the repository after a change of the
language.
"""

from __future__ import annotations

from typing import Final, get_args

from tau3mu.config.file_language import FileLanguage
from tau3mu.config.key_tables import KeyTables
from tau3mu.train.language import TrainFile

__all__ = ["LANGUAGE"]

_VERSION: Final = get_args(TrainFile.model_fields["schema_version"].annotation)[0]

LANGUAGE: Final = FileLanguage(
    TrainFile,
    "A train file of tau3mu",
    f"urn:tau3mu:train:{_VERSION}",
    KeyTables(
        "TrainFile",
        ("TrainFile", "Analysis", "WagonEntry", "Outputs", "Skim", "Limits", "TrainSettings"),
        {"TrainFile": "The whole file", "WagonEntry": "Wagon", "TrainSettings": "Settings"},
    ),
    "src/tau3mu/train/train.schema.json",
    "docs/reference/train-files.md",
)


if __name__ == "__main__":
    LANGUAGE.write()
