"""What the store knows of a train: a row for a table, and everything for one train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError, Tau3muError
from tau3mu.storage.names import RUN
from tau3mu.train.notes import described
from tau3mu.train.progress import progress_of
from tau3mu.train.record import RECORD, RESULTS
from tau3mu.train.states import STATUS, read_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tau3mu.results.manifest import Manifest
    from tau3mu.train.record import TrainRecord
    from tau3mu.train.states import Status
    from tau3mu.train.store import Store

__all__ = [
    "changed_since",
    "known",
    "manifest_of",
    "train_details",
    "train_row",
    "wagon_of",
    "wagon_rows",
]

_FILES: Final = (
    *("train.json", "full_config.json", "configuration.json", "input_data.txt", "code"),
    *("status.json", "notes.json", "stdout.log", "stderr.log", "results"),
)


def train_row(folder: Path) -> dict[str, Any]:
    """Returns the row of a train in the table of all.

    Args:
        folder: Of the train.
    """
    row: dict[str, Any] = {"train": int(folder.name), "state": None}
    try:
        record, status = known(folder)
    except Tau3muError as error:
        return {**row, "state": "?", **dict.fromkeys(_COLUMNS), "reason": str(error)}
    done = progress_of(folder, record, status)
    values = {
        "label": record.label or record.name,
        "datasets": ", ".join(record.asked),
        "results": len(record.wagons),
        "events": done.events,
        "of": done.of,
        "parent": record.parent,
        "composed": record.composed,
        "by": record.by,
        "reason": status.reason,
    }
    return {**row, "state": status.state.value, **values}


_COLUMNS: Final = ("label", "datasets", "results", "events", "of", "parent", "composed", "by")


def train_details(folder: Path, store: Store) -> dict[str, Any]:
    """Returns all that is known of a train.

    Args:
        folder: Of the train.
        store: In which it is.

    Raises:
        InputError: Its record or its status cannot be read.
    """
    record, status = known(folder)
    done = progress_of(folder, record, status)
    manifest = manifest_of(folder)
    facts = record.model_dump(mode="json", exclude={"document", "datasets", "wagons", "tests"})
    facts["train"] = int(folder.name)
    facts["folder"] = str(folder)
    return {
        "facts": facts,
        "states": [change.model_dump(mode="json") for change in status.changes],
        "progress": {**vars(done), "text": done.text},
        "wagons": list(wagon_rows(record, manifest)),
        "datasets": list(_datasets(record, store)),
        "missing": [] if manifest is None else [
            {"dataset": one.dataset, "file": one.path, "events": one.events,
             "reason": "; ".join(one.reasons)}
            for one in manifest.missing
        ],
        "warnings": [] if manifest is None else manifest.warnings,
        "reader": None if manifest is None else manifest.resources.reader.model_dump(),
        "reproduce": f"python -m tau3mu.train reproduce {folder / RESULTS}",
        "files": [str(folder / name) for name in _FILES if (folder / name).exists()],
    }  # fmt: skip


def manifest_of(folder: Path) -> Manifest | None:
    """Returns the manifest of the results of a train, None while there is none.

    Args:
        folder: Of the train.
    """
    from tau3mu.results.manifest import glance_at

    path = folder / RESULTS / RUN
    return glance_at(path) if path.is_file() else None


def known(folder: Path) -> tuple[TrainRecord, Status]:
    """Returns what a train is, with its label and comment of today, and its states.

    Args:
        folder: Of the train.

    Raises:
        InputError: It is being composed, or its record or its status cannot be read.
    """
    if not (folder / RECORD).is_file() or not (folder / STATUS).is_file():
        message = f"{folder} is being composed, or its composition was killed"
        raise InputError(message, code="train.not-composed", path=folder)
    return described(folder), read_status(folder)


def wagon_rows(record: TrainRecord, manifest: Manifest | None) -> Iterator[dict[str, Any]]:
    """Yields a row for each wagon and variant.

    Args:
        record: Of the train.
        manifest: Of its results, None while there are none.
    """
    used = manifest.resources.processors if manifest is not None else {}
    apart = manifest.set_apart if manifest is not None else {}
    fits = manifest.fits if manifest is not None else {}
    for name, digest in record.wagons.items():
        test = record.tests.get(wagon_of(name, record))
        fit = fits.get(name)
        yield {
            "results": name,
            "hash": digest,
            "test": test.number if test else None,
            "test state": test.state if test else None,
            "forced": (test.forced or None) if test else None,
            "set apart": apart[name][0].message if name in apart else None,
            "fit": None if fit is None else "valid" if fit.valid else "; ".join(fit.messages),
            "CPU [s]": round(used[name].cpu, 3) if name in used else None,
            "MB written": round(used[name].written / 1e6, 3) if name in used else None,
        }


def wagon_of(name: str, record: TrainRecord) -> str:
    """Returns the wagon of which results are: its own, or those of a variant.

    Args:
        name: Of the results.
        record: Of the train.
    """
    owners = (one for one in record.tests if name == one or name.startswith(f"{one}_"))
    return max(owners, key=len, default="")


def _datasets(record: TrainRecord, store: Store) -> Iterator[dict[str, Any]]:
    """Yields a row for each dataset, with what has changed in the registry since."""
    for name, one in record.datasets.items():
        yield {
            "dataset": name,
            "fraction": one.fraction,
            "files": one.files,
            "events": one.events,
            "version": one.version,
            "changed since": changed_since(name, one.version, store),
        }


def changed_since(name: str, version: str, store: Store) -> str | None:
    """Returns how a dataset has changed in the registry, None if it is not registered.

    Args:
        name: Of the dataset.
        version: That of the train.
        store: With the registry.

    Raises:
        InputError: A record of the dataset is damaged.
    """
    from tau3mu.train.dataset_changes import change_between
    from tau3mu.train.registry import Registry

    registry = Registry(store)
    if name not in registry.names():
        return None
    found = registry.versions(name)
    versions, now = {one.version: one for one in found}, found[-1]
    if version not in versions:
        return f"not registered; registered is {now.version}"
    return str(change_between(versions[version], now)) or "nothing"
