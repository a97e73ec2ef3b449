"""Changing what a user says about a train."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from tau3mu.errors import InputError
from tau3mu.storage.files import json_text, write_text
from tau3mu.storage.lock import locked
from tau3mu.train.index import update
from tau3mu.train.notes import NOTES, Notes, described
from tau3mu.train.record import now, person

if TYPE_CHECKING:
    from tau3mu.train.record import TrainRecord
    from tau3mu.train.store import Store

__all__ = ["annotate", "check_notes"]

_LONGEST_LABEL: Final = 200
_LONGEST_COMMENT: Final = 10_000
_WAIT: Final = 10.0


def annotate(
    store: Store,
    number: int | str,
    *,
    label: str | None = None,
    comment: str | None = None,
    database: str | None = None,
) -> TrainRecord:
    """Changes label and comment of a train, and returns its record with them.

    What is frozen stays as it is: they are kept in a file of their own.

    Args:
        store: Where the trains are.
        number: Of the train.
        label: The new one, an empty text to remove it, None to keep it.
        comment: The same of the comment.
        database: The URL of the index of the store; see `Index`.

    Raises:
        InputError: There is no such train, a text is too long or has control characters, or the
            notes cannot be read.
        RunError: They cannot be written.
    """
    folder = store.train(number)
    check_notes(label, comment)
    with locked(folder.parent, wait=_WAIT):  # the train itself may be running
        old = described(folder)
        notes = Notes(
            label=old.label if label is None else label.strip(),
            comment=old.comment if comment is None else comment.replace("\r\n", "\n").strip(),
            by=person(),
            changed=now(),
        )
        write_text(folder / NOTES, json_text(notes.model_dump(mode="json")))
    update(folder, database=database)
    return old.model_copy(update={"label": notes.label, "comment": notes.comment})


def check_notes(label: str | None, comment: str | None) -> None:
    """Makes sure that label and comment can be kept.

    Args:
        label: Of a train, None if there is none.
        comment: Likewise.

    Raises:
        InputError: One of them is too long or has control characters.
    """
    _check("label", label, _LONGEST_LABEL)
    _check("comment", comment, _LONGEST_COMMENT, allowed="\r\n\t")


def _check(name: str, text: str | None, longest: int, *, allowed: str = "") -> None:
    """Refuses what no terminal shows and no file takes, and texts that break every table."""
    if text is None:
        return
    if len(text) > longest:
        message = f"the {name} has {len(text):,} characters; expected at most {longest:,}"
        raise InputError(message, code="train.bad-note", path=name)
    for position, character in enumerate(text):
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed:
            message = (
                f"the {name} has the control character {character!a} after {position} others; "
                "expected text"
            )
            raise InputError(message, code="train.bad-note", path=name)
