"""What to fit of a run in memory: the data, or simulation where there is no data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.datasets.energy import lhc_energy
from tau3mu.errors import InputError, suggest
from tau3mu.fit.data.columns import check_names
from tau3mu.fit.data.entries import Entries, entries_of, names_of
from tau3mu.fit.data.root_files import listed
from tau3mu.fit.data.source import Source
from tau3mu.outputs.histograms import DATASET, NOMINAL, VARIATION
from tau3mu.results.manifest import DatasetFacts
from tau3mu.results.normalization import luminosity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hist import Hist

    from tau3mu.fit.expressions import Cut

__all__ = ["Chosen", "add_up", "choose", "of_candidates", "of_era", "of_histogram", "spectrum"]


@dataclass(frozen=True)
class Chosen:
    """The datasets that are fitted, and what is known of them; see `Source`."""

    datasets: tuple[str, ...]
    simulation: bool = False
    lumi: float | None = None
    energy: float | None = None
    warning: str = ""

    def source(self, read: Hist[Any] | Entries, name: str) -> Source:
        """Returns what was read of these datasets."""
        data, passed, warning = read if isinstance(read, Entries) else (read, None, "")
        warnings = "; ".join(text for text in (self.warning, warning) if text)
        known = (self.datasets, self.simulation, self.lumi, warnings, self.energy)
        return Source(data, name, *known, passed)


def choose(
    facts: Mapping[str, DatasetFacts] | None, there: Sequence[str], era: str | None = None
) -> Chosen:
    """Returns the datasets to add: all data, or all simulation where there is no data.

    Args:
        facts: What is known of the datasets of a run; None if nothing is.
        there: The datasets that have been filled, which are all added if nothing is known.
        era: Adds those of one era.

    Raises:
        InputError: There is no such era, or nothing is known of the eras.
    """
    if era is not None:
        facts = {name: (facts or {})[name] for name in of_era(facts or {}, era)}
    if facts is None:
        names = ", ".join(there)
        warning = f"there is no run.json, so all datasets are added: {names}"
        return Chosen(tuple(there), warning=warning)
    data = [name for name, fact in facts.items() if not fact.is_mc]
    return known_of(facts, data or list(facts), simulation=not data)


def of_era(facts: Mapping[str, DatasetFacts], era: str) -> list[str]:
    """Returns the datasets of an era, data and simulation.

    Args:
        facts: What is known of the datasets of a run.
        era: Of a dataset without one, its name.

    Raises:
        InputError: There is none.
    """
    eras = {name: one.era or name for name, one in facts.items()}
    if era not in eras.values():
        there = f"it has {listed(sorted(set(eras.values())))}" if eras else "it has no run.json"
        message = (
            f"the run has no dataset of era {era!r}, which is fitted"
            f"{suggest(era, eras.values())}; {there}"
        )
        raise InputError(message, code="fit.unknown-era", path=era)
    return [name for name, its in eras.items() if its == era]


def known_of(
    facts: Mapping[str, DatasetFacts], names: Sequence[str], *, simulation: bool
) -> Chosen:
    """Returns datasets with their luminosity, and their energy if it is one."""
    found = [facts.get(name, DatasetFacts()) for name in names]
    if simulation:
        lumis = [fact.lumi for fact in found if fact.lumi is not None]
        lumi = sum(lumis) if found and len(lumis) == len(found) else None
    else:
        lumi = luminosity(found)
    energies = {fact.energy or lhc_energy(fact.era) for fact in found}
    energy = energies.pop() if len(energies) == 1 else None
    return Chosen(tuple(names), simulation, lumi, energy)


def spectrum(histogram: Hist[Any], is_mc: Mapping[str, bool]) -> Source:
    """Returns the nominal histogram of the data, or of simulation where there is no data.

    Args:
        histogram: With an axis `dataset`, and maybe one `variation`, beside that of the variable.
        is_mc: For each dataset whether it is simulation.

    Raises:
        InputError: Nothing was filled for these datasets, or nothing nominal.
    """
    facts = {name: DatasetFacts(is_mc=simulated) for name, simulated in is_mc.items()}
    return of_histogram(histogram, facts)


def of_histogram(
    histogram: Hist[Any],
    facts: Mapping[str, DatasetFacts] | None,
    name: str = "",
    era: str | None = None,
) -> Source:
    """Returns the nominal histogram of the datasets that are fitted.

    Args:
        histogram: As in `spectrum`.
        facts: What is known of the datasets; None if nothing is.
        name: Where it comes from, such as `FILE:KEY`.
        era: The era that is fitted; by default all of them.

    Raises:
        InputError: Nothing was filled for these datasets, or nothing nominal, or there is no such
            era.
    """
    where = name or "the histogram"
    filled = list(histogram.axes[DATASET])
    chosen = choose(facts, filled, era)
    varied = VARIATION in histogram.axes.name
    if varied and NOMINAL not in histogram.axes[VARIATION]:
        message = (
            f"{where} has no variation {NOMINAL!r}, which is fitted; it has "
            f"{listed(histogram.axes[VARIATION])}"
        )
        raise InputError(message, code="fit.no-nominal-variation", path=where)
    nominal: dict[int | str, Any] = {VARIATION: NOMINAL} if varied else {}
    parts: list[Any] = [
        histogram[{DATASET: one, **nominal}] for one in chosen.datasets if one in filled
    ]
    return chosen.source(add_up(parts, chosen.datasets, where), name)


def of_candidates(
    candidates: Any,
    column: str,
    weight: str | None,
    facts: Mapping[str, DatasetFacts] | None,
    name: str,
    cut: Cut | None = None,
    era: str | None = None,
) -> Source:
    """Returns a column of the candidates of the datasets that are fitted.

    Args:
        candidates: An awkward array of records or a mapping of columns, with one number or one
            list of numbers per event. Without a column `dataset`, all are fitted.
        column: What is fitted.
        weight: The column of the weights; without one, data count one each and simulation has
            the column `weight`, if there is any.
        facts: What is known of the datasets; None if nothing is.
        name: Where they come from.
        cut: On columns of the candidates, if there is one.
        era: The era that is fitted; by default all of them.

    Raises:
        InputError: There is no such column or era, or no candidate of the datasets that are fitted.
    """
    there = ak.fields(candidates) if isinstance(candidates, ak.Array) else list(candidates)
    check_names(names_of(column, weight, cut), there, name, "column")
    chosen, rows = Chosen(()), np.ones(len(candidates[column]), dtype=np.bool_)
    if DATASET in there:
        dataset = ak.to_numpy(ak.Array(candidates[DATASET]))
        chosen = choose(facts, np.unique(dataset).tolist(), era)
        rows = np.isin(dataset, chosen.datasets)
        if not np.any(rows):
            raise _nothing(name, chosen.datasets)
    used = weight or ("weight" if chosen.simulation and "weight" in there else None)
    columns = {one: ak.Array(candidates[one])[rows] for one in names_of(column, used, cut)}
    found = entries_of(columns, column, used, cut, f"{name}: column {column!r}")
    return chosen.source(found, f"{name}:{column}")


def add_up(parts: Sequence[Hist[Any]], datasets: Sequence[str], where: str) -> Hist[Any]:
    """Returns the sum of the histograms of datasets.

    Raises:
        InputError: There are none, or their bins differ.
    """
    if not parts:
        raise _nothing(where, datasets)
    if any(part.axes != parts[0].axes for part in parts):
        message = f"{where} has other bins in other datasets ({', '.join(datasets)})"
        raise InputError(message, code="fit.bins-differ", path=where)
    return reduce(add, parts)


def _nothing(where: str, datasets: Sequence[str]) -> InputError:
    message = f"{where} has nothing of {', '.join(datasets)}; there is nothing to fit"
    return InputError(message, code="fit.nothing-of-datasets", path=where)
