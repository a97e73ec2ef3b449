"""Files whose events would count twice: listed twice, spelled in two ways, linked or copied."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.config.printable import printable
from tau3mu.errors import InputError
from tau3mu.storage.locations import is_url, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.datasets.checked import Inspection

__all__ = ["check_listed_once", "find_copies"]

_TWICE = "its events would count twice"


def check_listed_once(places: Iterable[tuple[str, str]]) -> None:
    """Checks that no file is listed twice, be it spelled in two ways.

    Args:
        places: Files and replicas, paths or URLs, each with the name of its dataset.

    Raises:
        InputError: One is listed twice.
    """
    first: dict[str, tuple[str, str]] = {}
    for path, dataset in places:
        if (place := place_of(path)) not in first:
            first[place] = (path, dataset)
            continue
        other, owner = first[place]
        if dataset != owner:
            alias = "" if other == path else f", as {printable(other)}"
            what = f"is listed in dataset {owner!r}{alias} and in dataset {dataset!r}"
        elif path != other:
            what = f"is the same as {printable(other)}, which is listed too"
        else:
            what = "is listed twice"
        message = f"file {printable(path)} {what}; {_TWICE}"
        raise InputError(message, code="dataset.listed-twice", path=path)


def find_copies(found: Iterable[Inspection]) -> list[tuple[Inspection, str]]:
    """Returns the files that are others of the same run of ROOT, by UUID, and what they are.

    Args:
        found: The files that were opened.
    """
    first: dict[str, Inspection] = {}
    result = []
    for inspection in found:
        if inspection.file is None or not inspection.file.uuid.strip("0-"):
            continue  # all zeros is what writers put that know no UUIDs
        other = first.setdefault(inspection.file.uuid, inspection)
        if other is not inspection:
            where = f"{printable(other.path)} [{other.dataset}]"
            if _is_same(inspection.path, other.path):
                text = f"is the same file as {where}"
            elif inspection.size == other.size:
                text = f"is a copy of {where}"
            else:
                text = f"has the UUID of {where} but another size, so one was made from the other"
            result.append((inspection, f"{text}; {_TWICE}"))
    return result


def _is_same(path: str, other: str) -> bool:
    if is_url(path) or is_url(other):
        return place_of(path) == place_of(other)
    with suppress(OSError):  # a replica may have been read instead
        return Path(path).samefile(other)
    return False
