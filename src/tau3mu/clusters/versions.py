"""Versions of the software of this process, of the scheduler and of the workers.

They are compared before anything runs; a worker that joins later compares its own with those of the
driver when it gets its first chunk.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distributed import Client

__all__ = ["check_versions", "difference", "versions_here"]

_PACKAGES = {
    "dask": "dask",
    "distributed": "distributed",
    "cloudpickle": "cloudpickle",
    "numpy": "numpy",
    "awkward": "awkward",
    "uproot": "uproot",
    "coffea": "coffea",
    "hist": "hist",
    "boost_histogram": "boost-histogram",
    "tau3mu": "tau3mu",
}
_OURS = [name for name in _PACKAGES if name not in {"dask", "distributed"}]


def check_versions(client: Client) -> None:
    """Compares Python (to its minor version) and the packages that results depend on.

    A scheduler unpickles tasks, and so needs the package as much as the workers do.

    Args:
        client: Of the cluster.

    Raises:
        InputError: Something is missing or has another version somewhere; the message is a table
            of the differences, with the packages to install.
    """
    found = client.get_versions(packages=_OURS)
    here = _versions(found["client"])
    columns = {"scheduler": [_versions(found["scheduler"])]}
    if found["workers"]:
        columns["workers"] = [_versions(info) for info in found["workers"].values()]
    differing = [
        name
        for name in here
        if any({info[name] for info in c} != {here[name]} for c in columns.values())
    ]
    if differing:
        message = _message("the cluster", here, columns, differing)
        raise InputError(message, code="clusters.other-versions")


def versions_here() -> dict[str, str]:
    """Returns the versions of Python and of the packages that results depend on, here."""
    from distributed.versions import get_versions

    return _versions(get_versions(packages=_OURS))


def difference(driver: Mapping[str, str], worker: str) -> str | None:
    """Returns a table of the versions in which this worker differs from the driver, or None.

    Args:
        driver: From `versions_here` of the driver.
        worker: The name of this process.
    """
    own = dict.fromkeys(driver, "absent") | versions_here()
    differing = [name for name in driver if own[name] != driver[name]]
    if not differing:
        return None
    return _message(f"worker {worker}", driver, {"worker": [own]}, differing)


def _versions(info: Mapping[str, Any] | None) -> dict[str, str]:
    # A worker that is just leaving gives no answer.
    packages = (info or {}).get("packages", {})
    python = packages.get("python") or ""
    versions = {"python": ".".join(python.split(".")[:2]) or "absent"}
    return versions | {
        name: str(packages.get(module) or "absent") for module, name in _PACKAGES.items()
    }


def _message(
    who: str,
    here: Mapping[str, str],
    columns: Mapping[str, list[dict[str, str]]],
    differing: Iterable[str],
) -> str:
    rows = [
        [name, here[name], *(_summary(info[name] for info in c) for c in columns.values())]
        for name in differing
    ]
    wanted = [f"{row[0]}=={row[1]}" for row in rows if row[0] not in {"python", "tau3mu"}]
    todo = []
    if any(row[0] == "python" for row in rows):
        todo.append(f"use Python {here['python']} on both sides")
    if wanted:
        todo.append(f"on the cluster: pip install {' '.join(wanted)}")
    if any(row[0] == "tau3mu" for row in rows):
        todo.append(f"install tau3mu {here['tau3mu']} on the cluster, scheduler included")
    return (
        f"{who} does not have the software of this process:\n"
        f"{_table(['package', 'here', *columns], rows)}\n"
        f"{'; '.join(todo)}; or run in the environment or image that the cluster has"
    )


def _summary(versions: Iterable[str]) -> str:
    """Returns the versions of several processes: `1.2`, or `1.2 (3 of them), absent (1)`."""
    counts = Counter(versions)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{version} ({n})" for version, n in counts.most_common())


def _table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["─" * width for width in widths], *rows]
    padded = (
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    )
    return "\n".join("  ".join(cells).rstrip() for cells in padded)
