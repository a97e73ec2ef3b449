"""`notes.json`: label and comment of a train, which may change after it is frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from tau3mu.config.documents import Strict, read_document
from tau3mu.train.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.train.record import TrainRecord

__all__ = ["NOTES", "Notes", "described"]

NOTES: Final = "notes.json"


class Notes(Strict):
    """What a user says about a train since it was composed.

    Attributes:
        version: Of this form.
        label: What the user calls the train.
        comment: A note about it.
        by: Who has changed them last.
        changed: When, in UTC.
    """

    version: Annotated[int, Field(ge=1, le=1)] = 1
    label: str
    comment: str
    by: str = ""
    changed: str = ""


def described(folder: Path) -> TrainRecord:
    """Returns the record of a train with the label and the comment that it has today.

    Args:
        folder: Of the train.

    Raises:
        InputError: There is no record, or it or the notes cannot be read.
    """
    record = read_record(folder)
    path = folder / NOTES
    if not path.is_file():
        return record
    notes = read_document(path, "notes of the train", language="train").validate(Notes)
    return record.model_copy(update={"label": notes.label, "comment": notes.comment})
