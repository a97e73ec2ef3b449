"""What to fit of a run: the data, or simulation where there is no data."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.fit.data.columns import flat, of_lists, parquet_columns, tree_columns
from tau3mu.fit.data.root_files import (
    find_histogram,
    histogram_keys,
    listed,
    open_root,
    to_hist,
    without_cycles,
)
from tau3mu.fit.data.source import Source
from tau3mu.outputs.histograms import DATASET, NOMINAL, VARIATION
from tau3mu.results.run_file import DatasetFacts, read_run
from tau3mu.storage.names import RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hist import Hist

__all__ = ["is_results", "of_run", "read_candidates", "read_spectrum", "spectrum"]

_HISTOGRAMS = ("histograms.root",)
_YEAR = re.compile(r"20\d\d")
_ENERGIES = {
    **dict.fromkeys(("2010", "2011"), 7.0),
    "2012": 8.0,
    **dict.fromkeys(("2015", "2016", "2017", "2018"), 13.0),
    **dict.fromkeys(("2022", "2023", "2024", "2025", "2026"), 13.6),
}
_CANDIDATES = ("candidates.root", "candidates.parquet")


def is_results(path: Path) -> bool:
    """Returns whether a path is a results folder, that of a processor in it, or a file of those."""
    names = _HISTOGRAMS + _CANDIDATES
    if path.is_file():
        return path.name in names
    return any(_found(path, names))


def spectrum(histogram: Hist[Any], is_mc: Mapping[str, bool]) -> Source:
    """Returns the nominal histogram of the data, or of simulation where there is no data.

    Args:
        histogram: With an axis `dataset`, and maybe one `variation`, beside that of the variable.
        is_mc: For each dataset whether it is simulation.

    Raises:
        InputError: Nothing was filled for these datasets, or nothing nominal.
    """
    chosen, simulation = _choose(is_mc)
    filled = [name for name in chosen if name in histogram.axes[DATASET]]
    varied = VARIATION in histogram.axes.name
    if varied and NOMINAL not in histogram.axes[VARIATION]:
        message = (
            f"the histogram has no variation {NOMINAL!r}, which is fitted; it has "
            f"{listed(histogram.axes[VARIATION])}"
        )
        raise InputError(message)
    nominal: dict[int | str, Any] = {VARIATION: NOMINAL} if varied else {}
    parts: list[Any] = [histogram[{DATASET: name, **nominal}] for name in filled]
    total = _add(parts, chosen, "the histogram")
    return Source(total, datasets=tuple(chosen), simulation=simulation)


def of_run(histogram: Hist[Any], file: Path, name: str) -> Source:
    """Returns the `spectrum` of a histogram of a run's file, with what `run.json` says of it."""
    facts = _read_facts(file)
    chosen, simulation, warning = _chosen(facts, list(histogram.axes[DATASET]))
    source = spectrum(histogram, dict.fromkeys(chosen, simulation))
    return replace(
        source,
        name=name,
        lumi=_lumi(facts, chosen),
        warning=warning,
        energy=_energy(facts, chosen),
    )


def read_spectrum(path: Path, histogram: str, processor: str) -> Source:
    """Returns a histogram of a run.

    Args:
        path: A results folder, the folder of a processor in it, or `histograms.root`.
        histogram: The name of a variable, such as `mass`: the datasets are added, data only if
            there are any. Or one histogram of the file, such as `demo/mass`.
        processor: Whose folder is meant where there are several.

    Raises:
        InputError: There is no such file or histogram, or the histograms cannot be added.
    """
    file = _find(path, processor, _HISTOGRAMS)
    facts = _read_facts(file)
    with open_root(str(file)) as content:
        keys = histogram_keys(content)
        name = f"{file}:{histogram}"
        if (plain := without_cycles(histogram)) in keys:
            dataset = plain.rpartition("/")[0]
            fact = (facts or {}).get(dataset, DatasetFacts())
            return Source(
                to_hist(find_histogram(content, histogram), name),
                name,
                (dataset,) if dataset else (),
                fact.is_mc,
                fact.lumi,
                energy=_energy(facts, [dataset]),
            )
        suffix = f"/{histogram}"
        there = [key.removesuffix(suffix) for key in keys if key.endswith(suffix)]
        if not there:
            message = (
                f"{file} has no histogram {histogram!r} of any dataset"
                f"{suggest(histogram, [*keys, *(key.rpartition('/')[2] for key in keys)])}; it has "
                f"{listed(keys)}"
            )
            raise InputError(message)
        chosen, simulation, warning = _chosen(facts, there)
        parts = [
            to_hist(find_histogram(content, key + suffix), f"{file}:{key}{suffix}")
            for key in chosen
            if key in there
        ]
    total = _add(parts, chosen, f"{file}: histogram {histogram!r}")
    lumi, energy = _lumi(facts, chosen), _energy(facts, chosen)
    return Source(total, name, tuple(chosen), simulation, lumi, warning, energy)


def read_candidates(path: Path, column: str, weight: str | None, processor: str) -> Source:
    """Returns a column of the candidates of a run, of the datasets that `read_spectrum` would add.

    Args:
        path: A results folder, the folder of a processor in it, or its file of candidates.
        column: What is fitted.
        weight: The column of the weights; without one, data count one each and simulation has
            the column `weight`, if there is any.
        processor: Whose folder is meant where there are several.

    Raises:
        InputError: There is no such file or column, or no candidate of these datasets.
    """
    file = _find(path, processor, _CANDIDATES)
    facts = _read_facts(file)
    names = list(dict.fromkeys(["dataset", column, *([weight] if weight else [])]))
    if file.suffix == ".root":
        columns = tree_columns(str(file), "candidates", names, optional=["weight"])
    else:
        columns = parquet_columns(str(file), names, optional=["weight"])
    dataset = ak.to_numpy(columns["dataset"])
    chosen, simulation, warning = _chosen(facts, np.unique(dataset).tolist())
    rows = np.isin(dataset, chosen)
    if not rows.any():
        message = f"{file} has nothing of {', '.join(chosen)}; there is nothing to fit"
        raise InputError(message)
    used = weight or ("weight" if simulation and "weight" in columns else None)
    what = f"{file}: column {column!r}"
    values = columns[column][rows]
    data = flat(values, None if used is None else columns[used][rows], what)
    warning = "; ".join(text for text in (warning, of_lists(values, what)) if text)
    lumi, energy = _lumi(facts, chosen), _energy(facts, chosen)
    return Source(data, f"{file}:{column}", tuple(chosen), simulation, lumi, warning, energy)


def _chosen(
    facts: Mapping[str, DatasetFacts] | None, there: Sequence[str]
) -> tuple[list[str], bool, str]:
    """Returns the datasets to add, whether they are simulation, and a warning."""
    if facts is None:
        names = ", ".join(there)
        return list(there), False, f"there is no run.json, so all datasets are added: {names}"
    return *_choose({name: fact.is_mc for name, fact in facts.items()}), ""


def _choose(is_mc: Mapping[str, bool]) -> tuple[list[str], bool]:
    data = [name for name, simulated in is_mc.items() if not simulated]
    return (data, False) if data else (list(is_mc), True)


def _lumi(facts: Mapping[str, DatasetFacts] | None, datasets: Iterable[str]) -> float | None:
    lumis = [(facts or {}).get(name, DatasetFacts()).lumi for name in datasets]
    known = [lumi for lumi in lumis if lumi is not None]
    return sum(known) if lumis and len(known) == len(lumis) else None


def _energy(facts: Mapping[str, DatasetFacts] | None, datasets: Iterable[str]) -> float | None:
    """Returns the center-of-mass energy of the LHC in the years of the datasets, if it is one."""
    eras = {(facts or {}).get(name, DatasetFacts()).era or "" for name in datasets}
    years = {found[0] if (found := _YEAR.search(era)) else "" for era in eras}
    energies = {_ENERGIES.get(year) for year in years}
    return energies.pop() if len(energies) == 1 else None


def _add(parts: Sequence[Hist[Any]], datasets: Sequence[str], where: str) -> Hist[Any]:
    if not parts:
        message = f"{where} has nothing of {', '.join(datasets)}; there is nothing to fit"
        raise InputError(message)
    if any(part.axes != parts[0].axes for part in parts):
        message = f"{where} has other bins in other datasets ({', '.join(datasets)})"
        raise InputError(message)
    return reduce(add, parts)


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
        raise InputError(message)
    message = f"{path} holds no {' or '.join(names)}"
    raise InputError(message)


def _read_facts(file: Path) -> Mapping[str, DatasetFacts] | None:
    """Returns what run.json says of the datasets, None without run.json."""
    for folder in (file.resolve().parent, file.resolve().parent.parent):
        run = folder / RUN
        if run.is_file():
            found = read_run(run)
            if found.status == "writing":
                message = (
                    f"{run} says that the files of its folder are being written, or that the run "
                    f"ended meanwhile: wait for it, or go on with it by --resume {folder}"
                )
                raise InputError(message)
            return found.datasets
    return None
