"""The record of a step: what it has found, and what its files were when it had written them."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import read_document
from tau3mu.config.input_files import file_hash
from tau3mu.discriminant.document import content_hash
from tau3mu.errors import InputError
from tau3mu.search.depends import change_of
from tau3mu.search.state import DISCRIMINANT, MODEL, RECORD, SCORED
from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.search.state import Search

__all__ = ["known_of", "reason", "record_step"]

log = logging.getLogger(__name__)

_WHAT: Final = "file of the search"
_READ_LATER: Final = {
    "selection": f"results/{SCORED}/candidates.*",
    "training": DISCRIMINANT,
    "scores": f"results/{SCORED}/candidates.*",
    "model": MODEL,
}
"""The files of steps that later ones read."""


def record_step(search: Search, step: str, facts: Mapping[str, Any]) -> None:
    """Writes the record of a step that is done.

    Args:
        search: The search.
        step: Its name.
        facts: Its key, and what it has found.

    Raises:
        RunError: The record cannot be written.
    """
    folder = search.at(step)
    files = {
        path.relative_to(folder).as_posix(): file_hash(path, _WHAT)
        for path in sorted(folder.glob(_READ_LATER.get(step, "")) if step in _READ_LATER else ())
    }
    record = json.loads(json_text({"step": step, **facts, "files": files}))
    write_text(folder / RECORD, json_text({**record, "hash": content_hash(record)}))


def known_of(search: Search, step: str) -> dict[str, Any] | None:
    """Returns the record of a step; None if it has to be done, again where its record is damaged.

    Args:
        search: The search.
        step: Its name.

    Raises:
        InputError: A file of the step is not what the step has written.
    """
    folder = search.at(step)
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record = dict(read_document(path, "record of a step", language="search").content)
    except InputError as error:
        log.warning("the step %s is done again: %s", step, error)
        return None
    if record.pop("hash", None) != content_hash(record):
        log.warning("the step %s is done again: %s was changed", step, path)
        return None
    for name, digest in record["files"].items():
        file = folder / name
        if not file.exists():
            if search.is_unblinded:
                continue
            log.warning("the step %s is done again: %s is missing", step, file)
            return None
        if file_hash(file, _WHAT) != digest:
            message = (
                f"{file} is not what the step {step} has written: put it back, or remove {folder} "
                "to do the step again; a changed copy may be used elsewhere"
            )
            raise InputError(message, code="search.changed-file", path=str(file))
    return record


def reason(record: Mapping[str, Any] | None, depends: Mapping[str, Any]) -> str:
    """Returns why a step is not what its record says.

    Args:
        record: Of the step; None if there is none.
        depends: What the step depends on now.
    """
    if record is None:
        return "it is not done"
    return change_of(record["depends"], depends) or "a step before it has changed"
