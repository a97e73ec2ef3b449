"""What a search has frozen: the hash of it, and what has changed since another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import read_document
from tau3mu.config.input_files import file_hash
from tau3mu.discriminant.document import content_hash
from tau3mu.search.depends import change_of
from tau3mu.search.state import DISCRIMINANT, MODEL, RECORD, STEPS
from tau3mu.storage.files import json_text, make_folder, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.search.state import Search

__all__ = ["changes_since", "freeze", "frozen_hash"]

_FROZEN: Final = "frozen"


def frozen_hash(search: Search) -> str:
    """Returns the hash of all that was decided blind: files, settings, training and model.

    Args:
        search: A search all of whose steps are done.
    """
    return content_hash({"key": search.keys["limit"], "files": [*_files(search).values()]})


def freeze(search: Search) -> None:
    """Writes what a search has frozen under its hash, as long as it is blind.

    Args:
        search: A search all of whose steps are done.

    Raises:
        RunError: The record cannot be written.
    """
    folder = search.folder / _FROZEN
    path = folder / f"{frozen_hash(search)}.json"
    if not path.exists():
        make_folder(folder)
        steps = {step: _depends(search.at(step) / RECORD) for step in STEPS}
        write_text(path, json_text({"files": _files(search), "steps": steps}))


def changes_since(search: Search, hash: str) -> list[str] | None:
    """Returns what has changed since a search in the same folder had another hash.

    Args:
        search: A search all of whose steps are done.
        hash: The other one.

    Returns:
        For each step that has changed itself, its name and what; None if no search in this folder
        had the hash.
    """
    known = {path.stem: path for path in (search.folder / _FROZEN).glob("*.json")}
    if hash not in known:
        return None
    before = read_document(known[hash], "record of what is frozen", language="search").content
    found = []
    for step, depends in before["steps"].items():
        if text := change_of(depends, _depends(search.at(step) / RECORD)):
            found.append(f"{step}: {text}")
    files = before["files"]
    return found or [name for name, one in _files(search).items() if files[name] != one]


def _files(search: Search) -> dict[str, str]:
    """Returns hashes of what is used when the windows are opened: as it is, not as it was made."""
    paths = {DISCRIMINANT: search.at("training"), MODEL: search.at("model")}
    return {name: file_hash(folder / name, "file of the search") for name, folder in paths.items()}


def _depends(record: Path) -> Any:
    return read_document(record, "record of a step", language="search").content["depends"]
