"""The rows of the tables of a result, with the names that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.outputs.names import NOMINAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["MOST_ROWS", "counter_rows", "histogram_rows", "result_tables"]

MOST_ROWS: Final = 50
"""The rows of tables that could have thousands."""

_MOST_COLUMNS: Final = 4
"""The datasets of which there are columns beside each other."""

_PACKAGES: Final = (
    "tau3mu",
    "awkward",
    "coffea",
    "correctionlib",
    "hist",
    "numpy",
    "uproot",
    "zfit",
)


def result_tables(view: Mapping[str, Any]) -> dict[str, Any]:
    """Returns rows for the macros `table` and `facts`.

    Args:
        view: What `result_view` returns.

    Returns:
        `facts` and `provenance`, the values by their names; and lists of rows: `datasets`,
        `missing`, `errors` (by processor), `derived`.
    """
    return {
        "facts": _facts(view["facts"]),
        "provenance": _provenance(view),
        "datasets": [_dataset(one) for one in view["datasets"]],
        "missing": [
            {
                "dataset": one["dataset"],
                "file": one["path"],
                "events": "unknown" if one["events"] is None else one["events"],
                "reason": "; ".join(one["reasons"]),
            }
            for one in view["missing"][:MOST_ROWS]
        ],
        "errors": {name: [_error(one) for one in errors[:MOST_ROWS]]
                   for name, errors in view["set_apart"].items()},
        "derived": [
            {
                "name": one["name"],
                "kind": one["kind"],
                "events": one["events"],
                "folder": one["folder"],
                "problem": one["problem"],
            }
            for one in view["derived"]
        ],
    }  # fmt: skip


def histogram_rows(histograms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns a row for each dataset of each histogram, with the entries of all its bins.

    Args:
        histograms: Those of a processor in what `result_view` returns.
    """
    return [
        {
            "histogram": one["name"],
            "variables": ", ".join(axis["label"] for axis in one["axes"]) or "none",
            "dataset": part["dataset"],
            "entries": part["entries"],
            "variations": sum(
                1
                for other in one["parts"]
                if other["dataset"] == part["dataset"] and other["variation"] != NOMINAL
            ),
        }
        for one in histograms
        for part in one["parts"]
        if part["variation"] == NOMINAL
    ]


def counter_rows(processor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns a row for each counter: its numbers by dataset, or for data and simulation.

    Args:
        processor: With `counters`, `meanings` and the names of the datasets of `simulation`.
    """
    counters, meanings = processor["counters"], processor["meanings"]
    names = dict.fromkeys(name for counts in counters.values() for name in counts)
    columns: dict[str, list[str]] = {dataset: [dataset] for dataset, its in counters.items() if its}
    if len(columns) > _MOST_COLUMNS:
        mc = set(processor["simulation"])
        sides = {
            "data": [name for name in columns if name not in mc],
            "simulation": [name for name in columns if name in mc],
        }
        columns = {side: some for side, some in sides.items() if some}
    return [
        {
            "counter": name,
            **{
                title: _total(counters[dataset].get(name) for dataset in some)
                for title, some in columns.items()
            },
            **({"counts": meanings.get(name, "")} if meanings else {}),
        }
        for name in names
    ]


def _total(numbers: Iterable[Any]) -> Any:
    """Returns a sum; a single value, which in a damaged file need not be a number, as it is."""
    given = [number for number in numbers if number is not None]
    known = [number for number in given if isinstance(number, int)]
    return given[0] if len(given) == 1 else sum(known) if known else None


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Files": facts["files"],
        "Missing files": facts["missing_files"] or None,
        "Exit code": facts["exit_code"],
        "Executor": facts["executor"],
        "Workers": facts["workers"],
        "Version": facts["version"],
    }


def _dataset(one: Mapping[str, Any]) -> dict[str, Any]:
    lumi = one["lumi"]
    return {
        "dataset": one["name"],
        "kind": "simulation" if one["simulation"] else "data",
        "era": one["era"],
        "luminosity [fb⁻¹]": lumi,
        "files": one["files"],
        "events": one["entries"],
        "read": one["read"],
        "missing files": one["missing_files"],
        "fraction": one["fraction"],
    }


def _error(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: one[key] for key in ("message", "place", "count", "example", "code")}


def _provenance(view: Mapping[str, Any]) -> dict[str, Any]:
    facts, how = view["facts"], view["provenance"]
    versions = how["versions"]
    known = [f"{name} {versions[name]}" for name in _PACKAGES if name in versions]
    changed = " with changes" if facts["dirty"] else ""
    return {
        "Folder": view["folder"],
        "Directory": how["directory"],
        "Host": facts["host"],
        "Platform": how["host"].get("platform"),
        "Python": how["python"],
        "Packages": ", ".join(known),
        "Commit": f"{facts['commit']}{changed}" if facts["commit"] else None,
        "Key of the results": how["key"],
    }
