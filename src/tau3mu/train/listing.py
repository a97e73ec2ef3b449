"""Rows of the tables that show the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.train.dataset_changes import change_between
from tau3mu.train.registered import check_unchanged
from tau3mu.train.registry import Registry

if TYPE_CHECKING:
    from tau3mu.train.references import Use
    from tau3mu.train.registered import RegisteredDataset, RegisteredFile
    from tau3mu.train.store import Store

__all__ = ["dataset_details", "dataset_rows"]


def dataset_rows(store: Store, *, derived: bool = False) -> list[dict[str, Any]]:
    """Returns a row for each registered dataset.

    Args:
        store: The store.
        derived: Whether to leave out those without a parent.

    Raises:
        InputError: A record is damaged.
    """
    registry = Registry(store)
    uses = registry.uses()
    rows = []
    for name in registry.names():
        versions = registry.versions(name)
        current = versions[-1]
        if derived and current.parent is None:
            continue
        used = [str(use) for use in uses.get(name, [])]
        rows.append(
            {
                "name": name,
                "version": current.version,
                "versions": len(versions),
                "files": len(current.files),
                "events": current.events,
                "bytes": current.size,
                "era": current.era,
                "kind": "simulation" if current.is_mc else "data",
                "active": current.active,
                "parent": None if current.parent is None else str(current.parent),
                "used by": used,
                "description": current.description,
            }
        )
    return rows


def dataset_details(store: Store, reference: str) -> dict[str, Any]:
    """Returns all that is known of a dataset: facts, versions, ancestors, uses and files.

    Args:
        store: The store.
        reference: `NAME` or `NAME@VERSION`.

    Raises:
        InputError: There is no such dataset, it was changed by hand, or its parent is missing.
    """
    registry = Registry(store)
    shown = registry.get(reference)
    check_unchanged(shown)
    versions = registry.versions(shown.name)
    current = versions[-1]
    facts = shown.model_dump(mode="json", exclude={"files", "registered", "schema_version"})
    facts |= {"files": len(shown.files), "events": shown.events, "bytes": shown.size}
    found = registry.uses().get(shown.name, [])
    by_version = {version.version: version for version in versions}
    return {
        "facts": facts,
        "versions": _history(versions),
        "parents": [
            {"name": one.name, "version": one.version, "events": one.events}
            for one in registry.ancestors(shown)
        ],
        "used by": [_use(use, by_version, current) for use in found],
        "files": [_file(file) for file in shown.files],
    }


def _history(versions: list[RegisteredDataset]) -> list[dict[str, Any]]:
    """Returns a row for each time that a content was registered, the oldest first."""
    times = sorted(
        ((one, version) for version in versions for one in version.registered),
        key=lambda pair: (pair[0].number, pair[0].when),
    )
    rows = []
    before: RegisteredDataset | None = None
    for registration, version in times:
        rows.append(
            {
                "number": registration.number,
                "version": version.version,
                "when": registration.when,
                "by": registration.by,
                "files": len(version.files),
                "events": version.events,
                "change": "new" if before is None else str(change_between(before, version)),
            }
        )
        before = version
    return rows


def _use(
    use: Use, versions: dict[str, RegisteredDataset], current: RegisteredDataset
) -> dict[str, Any]:
    then = versions.get(use.version)
    changed = "not registered" if then is None else str(change_between(then, current))
    return {"by": str(use), "version": use.version, "changed since": changed}


def _file(file: RegisteredFile) -> dict[str, Any]:
    row = file.model_dump(mode="json")
    row["bytes"] = row.pop("size")
    return row
