"""What is wrong with a search is said early: before it begins, or once events are selected."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import numpy as np

from tau3mu.errors import InputError
from tau3mu.outputs.repeated import check_repeated, place_of
from tau3mu.search.state import CATEGORIES, HALF_WINDOWS, RANGE, SCORED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tau3mu.datasets import Dataset
    from tau3mu.run import ProcessorResults
    from tau3mu.search.config import SearchConfig

__all__ = ["check_datasets_of", "check_selected", "check_settings"]

_TAU: Final = 1.777
"""The mass of the τ in GeV."""
_COVERED: Final = 0.75
"""The part of a half window that has to be closed on both sides of the τ: 1.5 of 2 widths."""
_SIMULATED_RUN: Final = 1
"""The number of the run of all simulation of CMS, and of no data."""
_SET_BY_THE_SEARCH: Final[dict[str, tuple[str, ...]]] = {
    "control": ("name",),
    "search": ("blind", "name", "discriminant_file", "with_inputs"),
}


def check_settings(config: SearchConfig) -> None:
    """Checks the settings of all steps.

    Args:
        config: The search.

    Raises:
        InputError: A step could not be done with them, or would not do what it should.
    """
    from tau3mu.fit.language.files import checked, read_fit
    from tau3mu.processors import DsPhiPi, TauTo3Mu

    for channel, parameters in (
        ("control", config.control.parameters),
        ("search", config.search.parameters),
    ):
        for name in _SET_BY_THE_SEARCH[channel]:
            if name in parameters:
                message = (
                    f"{channel}.parameters.{name} is set by the search itself, whose data are "
                    "blind until it is unblinded: take it out"
                )
                path = f"{channel}.parameters.{name}"
                raise InputError(message, code="search.reserved-parameter", path=path)
    DsPhiPi(**config.control.parameters)
    _check_masses(TauTo3Mu(name=SCORED, **config.search.parameters))
    if config.control.fit is not None:
        checked(*read_fit(config.control.fit))
    origins = config.search.simulation
    for origin, dataset in origins.items():
        others = [one for one, name in origins.items() if name == dataset and one != origin]
        if others:
            message = (
                f"search.simulation has {dataset!r} for {origin} and for {others[0]}: expected "
                "a dataset for each meson that the τ come from"
            )
            path = f"search.simulation.{origin}"
            raise InputError(message, code="search.dataset-twice", path=path)


def _check_masses(processor: Any) -> None:
    low, high = processor.mass_window
    if low > RANGE[0] or high < RANGE[1]:
        message = (
            f"search.parameters.mass_window is {low:g} to {high:g} GeV: expected at least "
            f"{RANGE[0]:g} to {RANGE[1]:g} GeV, the range of the statistical model"
        )
        path = "search.parameters.mass_window"
        raise InputError(message, code="search.mass-window", path=path)
    for letter, half in zip(CATEGORIES, HALF_WINDOWS, strict=True):
        name = f"blind_{letter.lower()}"
        low, high = getattr(processor, name)
        least = _TAU - _COVERED * half, _TAU + _COVERED * half
        if not RANGE[0] < low <= least[0] or not least[1] <= high < RANGE[1]:
            message = (
                f"search.parameters.{name} is {low:g} to {high:g} GeV: expected a window with "
                f"{least[0]:.4g} to {least[1]:.4g} GeV, 1.5 widths around the τ, in it, and "
                f"sidebands of {RANGE[0]:g} to {RANGE[1]:g} GeV on both sides"
            )
            path = f"search.parameters.{name}"
            raise InputError(message, code="search.open-window", path=path)


def check_datasets_of(
    config: SearchConfig, control: Sequence[Dataset], searched: Sequence[Dataset]
) -> None:
    """Checks that datasets are what the search takes them for, and belong together.

    Args:
        config: The search.
        control: The datasets of the control channel.
        searched: Those of the search.

    Raises:
        InputError: Simulation is not used, data and simulation are mixed up, or years or
            luminosities differ.
    """
    from tau3mu.processors import TauTo3Mu

    used = set(config.search.simulation.values())
    for one in searched:
        if one.is_mc and one.name not in used:
            message = (
                f"{config.search.datasets} has the simulated dataset {one.name!r}, which "
                "search.simulation does not have: add it there, or take it out of the file"
            )
            raise InputError(message, code="search.unused-simulation", path=one.name)
    year = TauTo3Mu(**config.search.parameters).year
    for one in searched:
        if (era := one.era or "")[:4].isdigit() and era[:4] != year:
            message = (
                f"dataset {one.name!r} of {config.search.datasets} is of the era {era}, but "
                f"triggers of {year} are asked for: set year in search.parameters, and search "
                "other years on their own"
            )
            raise InputError(message, code="search.other-year", path=one.name)
    _check_luminosity(_luminosity(control), _luminosity(searched))
    for one in control:
        _check_label(config.control.datasets, one, every_file=False)
    for one in searched:  # what is called simulation is not blind
        _check_label(config.search.datasets, one, every_file=one.is_mc)


def _luminosity(datasets: Sequence[Dataset]) -> dict[str, float | None]:
    """Returns the luminosity of the data of each era; None where it is not in the file."""
    found: dict[str, float | None] = {}
    for one in datasets:
        if not one.is_mc:
            before = found.get(one.era or "", 0.0)
            known = None if before is None or one.lumi is None else before + one.lumi
            found[one.era or ""] = known
    return found


def _check_luminosity(
    control: Mapping[str, float | None], searched: Mapping[str, float | None]
) -> None:
    values = [*control.values(), *searched.values()]
    if all(one is None for one in values):
        return  # as with brilcalc, which is read in the run
    if any(one is None for one in values):
        era = next(era for one in (control, searched) for era, v in one.items() if v is None)
        message = (
            f"data of {era or 'an era'} have no lumi, others have: the normalization needs the "
            "same data of the control channel and of the search; add it for all, or for none"
        )
        raise InputError(message, code="search.no-luminosity", path=era)
    pairs = [("", sum(filter(None, control.values())), sum(filter(None, searched.values())))]
    if control.keys() == searched.keys():
        pairs += [(f" of {era}", control[era] or 0.0, searched[era] or 0.0) for era in control]
    for where, one, other in pairs:
        if abs(one - other) > 0.01 * max(one, other):
            message = (
                f"data{where} of the control channel have {one:g} fb⁻¹, those of the search "
                f"{other:g} fb⁻¹: the normalization needs the same data. If the path of the former "
                "was prescaled, give the full luminosity, and control.parameters.prescale_file"
            )
            raise InputError(message, code="search.other-luminosity", path="control.datasets")


def _check_label(path: str, dataset: Dataset, *, every_file: bool) -> None:
    """Checks the first event of a file, so that most mistakes are found before the work begins."""
    for file, run in _first_runs(dataset, every_file=every_file):
        if (run == _SIMULATED_RUN) != dataset.is_mc:
            raise _other_kind(dataset.name, f"{file} in {path}", run, is_mc=dataset.is_mc)


def _other_kind(dataset: str, where: str, run: int, *, is_mc: bool) -> InputError:
    kind, other = ("simulation", "data") if is_mc else ("data", "simulation")
    message = (
        f"dataset {dataset!r} of {where} is called {kind}, but has events of run {run}, as "
        f"{other} has: correct is_mc or the files; data with open windows would not be blind"
    )
    return InputError(message, code="search.other-kind", path=dataset)


def check_selected(found: ProcessorResults) -> None:
    """Checks the selected events of all files: data are data, and each event is there once.

    Args:
        found: What a processor has selected.

    Raises:
        InputError: A dataset has events of the other kind, or data have events twice.
    """
    candidates = found.candidates
    for name, facts in found.datasets.items():
        rows = candidates[place_of(candidates, name)]
        run = ak.to_numpy(rows.run)
        wrong = np.flatnonzero((run == _SIMULATED_RUN) != facts.is_mc)
        if wrong.size:
            raise _other_kind(name, rows.file[wrong[0]], run[wrong[0]], is_mc=facts.is_mc)
    data = [name for name, facts in found.datasets.items() if not facts.is_mc]
    check_repeated(candidates, data, found.folder, code="search.repeated-events")


def _first_runs(dataset: Dataset, *, every_file: bool) -> Iterator[tuple[str, int]]:
    """Yields files, all or the first one, with the number of the run of the first event."""
    from tau3mu.datasets.chunks import make_chunks
    from tau3mu.datasets.preflight import check_files
    from tau3mu.ntuples import read_events

    first = dict(islice(dataset.files.items(), None if every_file else 1))
    one = replace(dataset, files=first, certification=None)
    files = check_files([one], frozenset({"run"}))
    for chunk in make_chunks(files, [one], max([1, *(file.entries for file in files)])):
        if chunk.stop:
            events = read_events(
                (chunk.path, *chunk.replicas), tree=chunk.tree, layout=chunk.layout,
                branches=chunk.branches, start=0, stop=1, uuid=chunk.uuid,
                metadata=chunk.metadata,
            ).events  # fmt: skip
            yield chunk.path, int(np.asarray(events.run)[0])
