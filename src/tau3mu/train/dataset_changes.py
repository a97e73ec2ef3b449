"""How one version of a dataset differs from another: in files, events and facts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tau3mu.train.registered import RegisteredDataset

__all__ = ["DatasetChange", "change_between"]

_FACTS: Final = (
    *("era", "is_mc", "lumi", "lumi_source", "energy", "cross_section", "generated", "brilcalc"),
    *("extra", "layout", "certification"),
)


@dataclass(frozen=True)
class DatasetChange:
    """What has come and gone; a file is known by tree, UUID and number of events.

    Attributes:
        files_added: How many files have come.
        files_removed: How many have gone.
        events_added: How many events are in those that have come.
        events_removed: How many were in those that have gone.
        facts: The facts that have another value, such as `lumi: 4.8 → 5.0`.
    """

    files_added: int = 0
    files_removed: int = 0
    events_added: int = 0
    events_removed: int = 0
    facts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Returns whether anything differs."""
        return self != DatasetChange()

    def __str__(self) -> str:
        """Returns a text such as "+2 files, +40,000 events"."""
        added = _counted("+", self.files_added, self.events_added)
        removed = _counted("-", self.files_removed, self.events_removed)
        return ", ".join((*added, *removed, *self.facts)) or "nothing"


def change_between(before: RegisteredDataset, after: RegisteredDataset) -> DatasetChange:
    """Returns how a version differs from another.

    Args:
        before: The older one.
        after: The newer one.
    """
    old, new = _files(before), _files(after)
    come, gone = new - old, old - new
    facts = [
        f"{name}: {_shown(getattr(before, name))} → {_shown(getattr(after, name))}"
        for name in _FACTS
        if getattr(before, name) != getattr(after, name)
    ]
    if not come and not gone and _checksums(before) != _checksums(after):
        facts.append("other checksums")
    return DatasetChange(come.total(), gone.total(), _events(come), _events(gone), tuple(facts))


_File = tuple[str, str, int]


def _files(dataset: RegisteredDataset) -> Counter[_File]:
    return Counter((file.tree, file.uuid, file.entries) for file in dataset.files)


def _checksums(dataset: RegisteredDataset) -> list[tuple[str, str]]:
    return sorted((file.uuid, file.checksum or "") for file in dataset.files)


def _events(files: Counter[_File]) -> int:
    return sum(entries * count for (_, _, entries), count in files.items())


def _counted(sign: str, files: int, events: int) -> list[str]:
    if not files:
        return []
    noun = "file" if files == 1 else "files"
    return [f"{sign}{files:,} {noun}", f"{sign}{events:,} events"]


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
