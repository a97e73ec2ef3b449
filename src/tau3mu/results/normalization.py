"""Normalization of simulation to cross section and luminosity: one factor per dataset.

Histograms and candidates are stored as they were filled. What simulation is multiplied by when it
is compared with data is σ·L / Σw: the events that are expected, over the sum of the generator
weights of the events that the results stand for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.results.manifest import DatasetFacts

__all__ = ["luminosity", "not_normalized", "scale_of", "scales"]

_FB_PER_PB: Final = 1000.0
"""How many fb are a pb: the cross section is in pb, the luminosity in fb^-1."""


def scales(datasets: Mapping[str, DatasetFacts]) -> dict[str, float | None]:
    """Returns the factor of each dataset that brings it to its luminosity.

    It is 1 for data. For simulation it is cross section times luminosity over the sum of the
    generator weights, or None if one of the three is not known, or the sum is not above 0. The
    luminosity is that of the dataset, or else that of all data.

    Args:
        datasets: What a run knows of its datasets, by name.
    """
    of_data = luminosity(datasets.values())
    return {name: _scale(facts, of_data) for name, facts in datasets.items()}


def luminosity(datasets: Iterable[DatasetFacts]) -> float | None:
    """Returns the sum of the luminosities of data in fb^-1, None if one is not known.

    Luminosity sections that are in several datasets count once, if they were counted.

    Args:
        datasets: Data and simulation.
    """
    data = [one for one in datasets if not one.is_mc]
    lumis = [one.lumi for one in data if one.lumi is not None]
    shared = [one.luminosity.shared for one in data if one.luminosity is not None]
    if not lumis or len(lumis) < len(data):
        return None
    return math.fsum([*lumis, *(-part for part in shared)])


def scale_of(name: str, datasets: Mapping[str, DatasetFacts]) -> float:
    """Returns the factor of a dataset.

    Args:
        name: Of the dataset.
        datasets: What a run knows of all of its datasets, by name.

    Raises:
        InputError: It is not known; the message says what is missing.
    """
    scale = scales(datasets)[name]
    if scale is None:
        message = _why_not(name, datasets)
        raise InputError(message, code="results.no-normalization", path=name)
    return scale


def not_normalized(datasets: Mapping[str, DatasetFacts]) -> list[str]:
    """Returns why simulation with a cross section is not compared with the data of its run.

    Args:
        datasets: What a run knows of its datasets, by name.
    """
    of_data = luminosity(datasets.values())
    return [
        f"{_why_not(name, datasets)}; it is not compared with data: give 'generated' for it"
        for name, scale in scales(datasets).items()
        if scale is None
        and datasets[name].cross_section is not None
        and (datasets[name].lumi is not None or of_data is not None)
    ]


def _why_not(name: str, datasets: Mapping[str, DatasetFacts]) -> str:
    missing = " and ".join(_missing(datasets[name], luminosity(datasets.values())))
    return f"dataset {name!r} cannot be normalized to cross section and luminosity: {missing}"


def _scale(facts: DatasetFacts, of_data: float | None) -> float | None:
    if not facts.is_mc:
        return 1.0
    lumi = facts.lumi if facts.lumi is not None else of_data
    if facts.cross_section is None or lumi is None or facts.generated is None:
        return None
    sumw = facts.generated.sumw
    return facts.cross_section * _FB_PER_PB * lumi / sumw if sumw > 0 else None


def _missing(facts: DatasetFacts, of_data: float | None) -> list[str]:
    """Returns what the factor of simulation lacks, in words."""
    texts = []
    if facts.cross_section is None:
        texts.append("its cross_section (pb) is not in the metadata of the dataset file")
    if facts.lumi is None and of_data is None:
        texts.append("there is no luminosity: give lumi (fb⁻¹) for it, or for all data of the run")
    if facts.generated is None:
        texts.append("the sum of its generator weights is not known")
    elif facts.generated.sumw <= 0:
        texts.append(f"the sum of its generator weights is {facts.generated.sumw:g}")
    return texts
