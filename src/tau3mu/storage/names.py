"""The names in a results folder: those of its own files, and what a processor may be called."""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "CHECKED_FILES",
    "CHECKPOINTS",
    "CODE",
    "CONFIGURATION",
    "DERIVED",
    "FULL_CONFIG",
    "INPUT_DATA",
    "LEDGER",
    "LOCK",
    "LOG",
    "OWN",
    "RUN",
    "SECTIONS",
    "YIELDS",
    "why_no_folder",
]

RUN = "run.json"
LOG = "log.txt"
LEDGER = "ledger.jsonl"
CHECKED_FILES = "checked_files.json"
CHECKPOINTS = "checkpoints"
FULL_CONFIG = "full_config.json"
CONFIGURATION = "configuration.json"
INPUT_DATA = "input_data.txt"
CODE = "code"
LOCK = ".lock"
YIELDS = "yields.json"  # of a processor
DERIVED = "derived"
SECTIONS = "sections"

OWN = (
    *(RUN, LOG, LEDGER, CHECKED_FILES, CHECKPOINTS, LOCK, DERIVED, SECTIONS),
    *(FULL_CONFIG, CONFIGURATION, INPUT_DATA, CODE),
)
"""What a run writes beside the folders of its processors; temporary files begin with a dot."""

_FOLDER = re.compile(r"\w[\w.-]*")
_LONGEST = 200


def why_no_folder(name: Any) -> str:
    """Returns why the folder of a processor cannot have a name, empty if it can.

    Upper and lower case are the same, as they are on some file systems.
    """
    if not isinstance(name, str) or not _FOLDER.fullmatch(name):
        return "use letters, digits, and after the first also dots, dashes and underscores"
    if len(name.encode()) > _LONGEST:
        return f"it is longer than {_LONGEST} bytes"
    if name.casefold() in OWN:
        return f"the results folder has a file or folder {name.casefold()} of its own"
    return ""
