"""What to fit of a results folder; `runs` says which datasets that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.errors import InputError, suggest
from tau3mu.fit.data.columns import parquet_columns, tree_columns
from tau3mu.fit.data.entries import names_of
from tau3mu.fit.data.root_files import (
    find_histogram,
    histogram_keys,
    listed,
    open_root,
    to_hist,
    without_cycles,
)
from tau3mu.fit.data.runs import Chosen, add_up, choose, known_of, of_candidates
from tau3mu.results.manifest import read_manifest
from tau3mu.storage.names import RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tau3mu.fit.data.source import Source
    from tau3mu.fit.expressions import Cut
    from tau3mu.results.manifest import DatasetFacts

__all__ = ["is_results", "read_candidates", "read_facts", "read_spectrum"]

_HISTOGRAMS = ("histograms.root",)
_CANDIDATES = ("candidates.root", "candidates.parquet")


def is_results(path: Path) -> bool:
    """Returns whether a path is a results folder, that of a processor in it, or a file of those."""
    names = _HISTOGRAMS + _CANDIDATES
    if path.is_file():
        return path.name in names
    return any(_found(path, names))


def read_spectrum(path: Path, histogram: str, processor: str, era: str | None = None) -> Source:
    """Returns a histogram of a run.

    Args:
        path: A results folder, the folder of a processor in it, or `histograms.root`.
        histogram: The name of a variable, such as `mass`: the datasets are added, data only if
            there are any. Or one histogram of the file, such as `demo/mass`.
        processor: Whose folder is meant where there are several.
        era: The era that is fitted; by default all of them.

    Raises:
        InputError: There is no such file or histogram, or the histograms cannot be added.
    """
    file = _find(path, processor, _HISTOGRAMS)
    facts = read_facts(file)
    name, suffix = f"{file}:{histogram}", f"/{histogram}"
    with open_root(str(file)) as content:
        keys = histogram_keys(content)
        if era is None and (plain := without_cycles(histogram)) in keys:
            found = to_hist(find_histogram(content, histogram), name)
            return _single(plain.rpartition("/")[0], facts).source(found, name)
        there = [key.removesuffix(suffix) for key in keys if key.endswith(suffix)]
        if not there:
            known = [*keys, *(key.rpartition("/")[2] for key in keys)]
            message = (
                f"{file} has no histogram {histogram!r} of any dataset{suggest(histogram, known)}; "
                f"it has {listed(keys)}"
            )
            raise InputError(message, code="fit.unknown-histogram", path=file)
        chosen = choose(facts, there, era)
        parts = [
            to_hist(find_histogram(content, key + suffix), f"{file}:{key}{suffix}")
            for key in chosen.datasets
            if key in there
        ]
    total = add_up(parts, chosen.datasets, f"{file}: histogram {histogram!r}")
    return chosen.source(total, name)


def read_candidates(
    path: Path,
    column: str,
    weight: str | None,
    cut: Cut | None,
    processor: str,
    era: str | None = None,
) -> Source:
    """Returns a column of the candidates of a run, of the datasets that `read_spectrum` would add.

    Args:
        path: A results folder, the folder of a processor in it, or its file of candidates.
        column: What is fitted.
        weight: As in `of_candidates`.
        cut: On columns of the candidates, if there is one.
        processor: Whose folder is meant where there are several.
        era: The era that is fitted; by default all of them.

    Raises:
        InputError: There is no such file or column, or no candidate of these datasets.
    """
    file = _find(path, processor, _CANDIDATES)
    facts = read_facts(file)
    names = list(dict.fromkeys(["dataset", *names_of(column, weight, cut)]))
    if file.suffix == ".root":
        columns = tree_columns(str(file), "candidates", names, optional=["weight"])
    else:
        columns = parquet_columns(str(file), names, optional=["weight"])
    return of_candidates(columns, column, weight, facts, str(file), cut, era)


def read_facts(path: Path) -> Mapping[str, DatasetFacts] | None:
    """Returns what run.json says of the datasets that a processor has read, None without it.

    Args:
        path: A file or folder of a run.
    """
    resolved = path.resolve()
    for folder in (resolved, resolved.parent, resolved.parent.parent):
        run = folder / RUN
        if run.is_file():
            found = read_manifest(run)
            if found.status == "writing":
                message = (
                    f"{run} says that the files of its folder are being written, or that the run "
                    f"ended meanwhile: wait for it, or go on with it by --resume {folder}"
                )
                raise InputError(message, code="fit.run-not-finished", path=run)
            inside = resolved.relative_to(folder).parts[:-1]
            return found.datasets_of(inside[0]) if inside else found.datasets
    return None


def _single(dataset: str, facts: Mapping[str, DatasetFacts] | None) -> Chosen:
    """Returns the one dataset of which a histogram is."""
    fact = (facts or {}).get(dataset)
    found = known_of(facts or {}, [dataset], simulation=fact is not None and fact.is_mc)
    return found if dataset else Chosen(())


def _found(folder: Path, names: Iterable[str]) -> list[Path]:
    return [
        file
        for name in names
        for file in (folder / name, *sorted(folder.glob(f"*/{name}")))
        if file.is_file()
    ]


def _find(path: Path, processor: str, names: Sequence[str]) -> Path:
    if path.is_file():
        return path
    for file in (folder / name for folder in (path, path / processor) for name in names):
        if file.is_file():
            return file
    found = _found(path, names)
    if len(found) == 1:
        return found[0]
    if found:
        folders = ", ".join(str(file.parent) for file in found)
        message = f"{path} has several processors, none called {processor!r}; give one: {folders}"
        raise InputError(message, code="fit.several-processors", path=path)
    message = f"{path} holds no {' or '.join(names)}"
    raise InputError(message, code="fit.no-results", path=path)
