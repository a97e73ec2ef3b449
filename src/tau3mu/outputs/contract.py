"""What the chunks of a run have in common: the columns of a processor, their types, its steps.

Columns that only some chunks have would vanish when the chunks are put together, and numbers of
different types would be rounded to a common one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import awkward as ak

from tau3mu.errors import RunError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_EVENTS", "Contract", "Returned", "returned"]

NO_EVENTS = "a chunk without events"
"""Where the processors are run before the work."""


@dataclass(frozen=True)
class Returned:
    """What a processor returned for some events.

    Attributes:
        columns: The columns of the candidates with their types; whether numbers are missing is
            no part of these.
        steps: The names of the cutflow steps.
        where: The events.
    """

    columns: dict[str, str]
    steps: list[str]
    where: str


def returned(found: ak.Array, where: str) -> Returned:
    """Returns what is in one record of `tau3mu.processing.found.found`."""
    kinds = {}
    candidates = found.candidates.type.content.content
    for name, kind in zip(candidates.fields, candidates.contents, strict=True):
        plain = kind.content if isinstance(kind, ak.types.OptionType) else kind
        kinds[name] = str(plain)
    return Returned(kinds, found.cutflow.name[0].tolist(), where)


class Contract:
    """Checks that all chunks return the same columns, of the same types, and the same steps."""

    def __init__(self, expected: Mapping[str, Returned] | None = None) -> None:
        """Takes what each processor returned on no events; without it, the first chunk counts."""
        self._expected = dict(expected or {})

    def check(self, record: ak.Array, where: str) -> None:
        """Checks the record of a chunk.

        Raises:
            RunError: A processor returned something else than before; the message names the
                processor, the chunk and the column or steps.
        """
        for name in record.found.fields:
            now = returned(record.found[name], where)
            then = self._expected.setdefault(name, now)
            if now.columns != then.columns:
                _compare_columns(name, now, then)
            if now.steps != then.steps:
                message = (
                    f"processor {name} has other cutflow steps in {where}: "
                    f"{', '.join(now.steps)}; expected {', '.join(then.steps)}, as in {then.where}"
                )
                raise RunError(message)


def _compare_columns(processor: str, now: Returned, then: Returned) -> None:
    for one, other, verb in ((then, now, "lacks"), (now, then, "has")):
        for column in one.columns:
            if column in other.columns:
                continue
            near = suggest(column, other.columns) if verb == "lacks" else ""
            message = (
                f"processor {processor} {verb} the column {column!r} of the candidates in "
                f"{now.where}, unlike in {then.where}{near}: return the same columns always"
            )
            raise RunError(message)
    for column, kind in now.columns.items():
        if kind != (expected := then.columns[column]):
            message = (
                f"column {column!r} of processor {processor} is {kind} in {now.where} and "
                f"{expected} in {then.where}: return one type always, also without candidates "
                f"(an empty np.array([]) is float64; give it a dtype)"
            )
            raise RunError(message)
