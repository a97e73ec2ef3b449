"""A results folder as plain values for a page; imports neither awkward, hist nor uproot."""

from __future__ import annotations

import os
import shlex
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError, Tau3muError
from tau3mu.outputs.cutflow import with_cuts
from tau3mu.redaction import redacted
from tau3mu.report.cutflows import cutflow_view
from tau3mu.report.fits import fit_view
from tau3mu.report.histograms import histogram_views
from tau3mu.report.yields import yields_view
from tau3mu.results.manifest import RESULTS, glance_at, manifest_in, results_in
from tau3mu.storage.names import FULL_CONFIG, RUN, SECTIONS, YIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tau3mu.results.manifest import Manifest

__all__ = ["result_view", "short_label"]

_PLOTS: Final = ("mass_fit", "residuals", "correlation", "scans")
_NO_NAMES: Final = {"", ".", ".."}
_DAMAGED: Final = (OSError, LookupError, TypeError, ValueError, AttributeError, Tau3muError)


def result_view(folder: Path) -> dict[str, Any]:
    """Returns what a results folder holds, as values that JSON knows, without secrets.

    What is damaged or not there yet is named in `problems`, and the rest is given.

    Args:
        folder: The results folder, or the folder of a train.

    Raises:
        InputError: There is no `run.json`, it is damaged, or it names a processor whose folder
            would be elsewhere.
    """
    folder = results_in(folder)
    manifest = manifest_in(folder, glance_at)
    names = manifest.configuration.get("processors")
    configured = names if isinstance(names, dict) else {}
    if outside := [name for name in configured if name in _NO_NAMES or "/" in name]:
        message = f"{folder / RUN} names a processor {outside[0]!r}, which is no name of a folder"
        raise InputError(message, code="results.wrong-name", path=outside[0])
    made = [] if manifest.status == "incomplete" else configured
    view = {
        "folder": str(folder),
        "name": short_label(folder),
        "facts": _facts(manifest),
        "datasets": _datasets(manifest),
        "missing": [one.model_dump() for one in manifest.missing],
        "warnings": manifest.warnings,
        "set_apart": {
            name: [one.model_dump() for one in errors]
            for name, errors in manifest.set_apart.items()
        },
        "derived": [{"name": n, **one.model_dump()} for n, one in manifest.derived.items()],
        "processors": [
            _processor(folder / name, name, configured[name], manifest)
            for name in made
            if name not in manifest.set_apart
        ],
        "configuration": manifest.configuration,
        "resources": manifest.resources.model_dump(),
        "reproduce": _reproduce(folder),
        "provenance": {
            "command": shlex.join(manifest.command),
            "directory": manifest.directory,
            "host": manifest.host,
            "python": manifest.python,
            "versions": manifest.versions,
            "git": manifest.git,
            "key": manifest.key,
        },
        "files": [*_files(folder), *_files(folder, SECTIONS)],
    }
    checked: dict[str, Any] = redacted(view)
    return checked


def short_label(folder: Path) -> str:
    """Returns the name of a results folder, that of its train or test before it.

    Args:
        folder: The results folder.
    """
    parts = folder.absolute().parts
    return "/".join(parts[-2:]) if parts[-1:] == (RESULTS,) else parts[-1]


def _facts(manifest: Manifest) -> dict[str, Any]:
    read = sum(file.read for file in manifest.inputs)
    lost = [one.events for one in manifest.missing]
    entries = sum(file.entries for file in manifest.inputs)
    # Files that are missing altogether are not among the inputs that could be opened.
    opened = {(file.dataset, file.path) for file in manifest.inputs}
    beside = [one.events for one in manifest.missing if (one.dataset, one.path) not in opened]
    unknown = any(events is None for events in beside)
    return {
        "status": manifest.status,
        "complete": manifest.complete,
        "exit_code": manifest.exit_code,
        "events": read,
        "expected": None if unknown else entries + sum(events or 0 for events in beside),
        "files": len(manifest.inputs),
        "missing_files": len(lost),
        "missing_events": None if None in lost else sum(events or 0 for events in lost),
        "chunks": manifest.chunks.model_dump(),
        "started": manifest.started,
        "finished": manifest.finished,
        "seconds": _seconds(manifest.started, manifest.finished),
        "host": manifest.host.get("name"),
        "executor": manifest.configuration.get("executor"),
        "workers": manifest.configuration.get("workers"),
        "version": manifest.versions.get("tau3mu"),
        "commit": (manifest.git or {}).get("commit"),
        "dirty": (manifest.git or {}).get("dirty"),
    }


def _seconds(started: str, finished: str) -> float | None:
    try:
        return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
    except (ValueError, TypeError):
        return None


def _datasets(manifest: Manifest) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {
        name: {
            "name": name,
            "simulation": facts.is_mc,
            "era": facts.era,
            "lumi": facts.lumi,
            "fraction": facts.fraction,
            "certification": None if facts.certification is None else facts.certification.source,
            **dict.fromkeys(("files", "entries", "read", "missing_files"), 0),
        }
        for name, facts in manifest.datasets.items()
    }
    for file in manifest.inputs:
        if row := rows.get(file.dataset):
            row["files"] += 1
            row["entries"] += file.entries
            row["read"] += file.read
    for missing in manifest.missing:
        if row := rows.get(missing.dataset):
            row["missing_files"] += 1
    return list(rows.values())


def _processor(
    folder: Path, name: str, configured: Mapping[str, Any], manifest: Manifest
) -> dict[str, Any]:
    """Returns what one processor found; each file of it may be missing or damaged."""
    problems: list[str] = []

    def read(file: str, found: Any, otherwise: Any) -> Any:
        try:
            return found(folder / file)
        except _DAMAGED as error:
            path = str(folder / file)
            problems.append(str(error) if path in str(error) else f"{path} is damaged: {error}")
            return otherwise

    verdict = manifest.fits.get(name)
    fit = verdict and fit_view(verdict.model_dump())
    if (folder / "fit.json").is_file():
        fit = read("fit.json", lambda path: fit_view(_content(path)), fit)
    if fit:
        fit["plots"] = _plots(folder)
    used = manifest.resources.processors.get(name)
    return {
        "name": name,
        "class": configured.get("class"),
        "hash": configured.get("hash"),
        "cutflow": read("cutflow.json", lambda path: cutflow_view(with_cuts(_content(path))), {}),
        "counters": read("counters.json", _counters, {}),
        "simulation": [key for key, one in manifest.datasets_of(name).items() if one.is_mc],
        "meanings": manifest.counters.get(name, {}),
        "histograms": read("histograms.json", histogram_views, []),
        "fit": fit,
        "yields": _yields(folder, read),
        "candidates": next(_candidates(folder), None),
        "by_run": (folder / "runs.npz").is_file(),
        "cpu": used.cpu if used else None,
        "files": _files(folder),
        "problems": problems,
    }


def _content(path: Path) -> dict[str, Any]:
    return dict(read_document(path, "file", language="results").content)


def _yields(folder: Path, read: Callable[[str, Any, Any], Any]) -> list[dict[str, Any]]:
    """Returns the tables of yields; a run of an older version has none."""
    if not (folder / YIELDS).is_file():
        return []
    found: list[dict[str, Any]] = read(YIELDS, lambda path: yields_view(_content(path)), [])
    return found


def _counters(path: Path) -> dict[str, dict[str, Any]]:
    return {dataset: dict(counts) for dataset, counts in _content(path).items()}


def _candidates(folder: Path) -> Iterator[dict[str, Any]]:
    for kind in ("root", "parquet"):
        path = folder / f"candidates.{kind}"
        if path.is_file():
            yield {"file": path.name, "format": kind, "bytes": path.stat().st_size}


def _plots(folder: Path) -> list[str]:
    names = [one["name"] for one in _files(folder)]
    return [
        name
        for stem in _PLOTS
        for name in names
        if name.endswith(".png") and name.startswith((f"{stem}.", f"{stem}_"))
    ]


def _files(folder: Path, below: str = "") -> list[dict[str, Any]]:
    """Returns the files of a folder or of one below it, without those in further folders."""
    try:
        with os.scandir(folder / below) as entries:
            found = [
                {"name": f"{below}/{one.name}".lstrip("/"), "bytes": one.stat().st_size}
                for one in entries
                if one.is_file(follow_symlinks=False) and not one.name.startswith(".")
            ]
    except OSError:
        return []
    return sorted(found, key=lambda one: str(one["name"]))


def _reproduce(folder: Path) -> str | None:
    if not (folder / FULL_CONFIG).is_file():
        return None
    return shlex.join(["python", "-m", "tau3mu.train", "reproduce", str(folder)])
