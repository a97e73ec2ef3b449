"""Keeps what users register in awkward's table of behaviors right for all processors of a run.

The table is one for the whole process. So an entry may be added, but not changed: another processor
may count on it. And what users have added has to be known wherever their processors run.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import awkward as ak

from tau3mu.errors import InputError
from tau3mu.processing.user_code import is_users, user_modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tau3mu.processing import Processor

__all__ = ["users_behaviors", "without_changes"]


def users_behaviors(processors: Sequence[Processor]) -> dict[Any, Any]:
    """Returns the entries of the table that the users' code around some processors has made."""
    modules = {"__main__", *user_modules(processors)}
    return {key: value for key, value in ak.behavior.items() if _module(value) in modules}


@contextmanager
def without_changes(who: str) -> Iterator[None]:
    """Allows a block to add to the table of behaviors, but not to change or remove an entry.

    Args:
        who: Whom to name in the message.

    Raises:
        InputError: The block has done so; the table is as before.
    """
    before = dict(ak.behavior)
    yield
    changed = [key for key, value in before.items() if not _same(ak.behavior.get(key), value)]
    if changed:
        ak.behavior.update(before)
        message = (
            f"{who} changes ak.behavior[{changed[0]!r}], which others use too: choose another "
            "name, or give the arrays a behavior of their own, ak.Array(..., behavior=...)"
        )
        raise InputError(message, code="processor.changed-behavior", path=who)


def _same(one: Any, other: Any) -> bool:
    """Returns whether two entries are one, or made by the same lines of a user's file twice."""
    return one is other or (is_users(_module(one)) and _origin(one) == _origin(other))


def _origin(value: Any) -> tuple[Any, Any]:
    module = _module(value)
    file = getattr(sys.modules.get(module), "__file__", module)
    return file, getattr(value, "__qualname__", None)


def _module(value: Any) -> str:
    return str(getattr(value, "__module__", ""))
