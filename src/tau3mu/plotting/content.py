"""The numbers in a picture of a histogram: data, simulation as it is scaled, and its band."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.errors import InputError
from tau3mu.outputs.histograms import variable_axes, variations
from tau3mu.outputs.names import NOMINAL
from tau3mu.results.normalization import scales

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hist import Hist

    from tau3mu.results.manifest import DatasetFacts

__all__ = ["Content", "content_of", "errors_of", "helps_log", "only_variable", "outside", "without"]

_SIDES: Final = ("_up", "_down")
_HIGH: Final = 50.0


@dataclass(frozen=True)
class Content:
    """What is drawn of a histogram of one variable.

    Attributes:
        variable: Its axis.
        data: The histogram of each dataset of data, without what is blinded.
        simulation: That of each dataset of simulation, scaled.
        varied: All simulation, scaled, by variation.
        to_area: Whether simulation is scaled to the area of data, since a cross section, a
            luminosity or a sum of weights is not known.
        shown: The bins in which data are drawn.
    """

    variable: Any
    data: dict[str, Hist[Any]]
    simulation: dict[str, Hist[Any]]
    varied: dict[str, Any] = field(default_factory=dict)
    to_area: bool = False
    shown: Any = None

    @property
    def example(self) -> Hist[Any]:
        """One of the histograms."""
        return next(iter({**self.data, **self.simulation}.values()))

    @property
    def total_data(self) -> Hist[Any]:
        """The sum of all data."""
        return _sum(self.data.values())

    @property
    def total(self) -> Hist[Any]:
        """The sum of all simulation."""
        return _sum(self.simulation.values())

    def band(self) -> tuple[Any, Any]:
        """Returns how far the simulation may lie below and above its sum, in each bin.

        That is the uncertainty of its number of events and the sources of variations, added in
        quadrature. Of a source `X` with `X_up` and `X_down`, the larger deviation in each
        direction counts.
        """
        values = np.asarray(self.total.values(), np.float64)
        low = high = _variances(self.total)
        sources: dict[str, list[Any]] = {}
        for name, varied in self.varied.items():
            sources.setdefault(_source(name), []).append(varied - values)
        for deviations in sources.values():
            low = low + np.min([*deviations, np.zeros_like(values)], axis=0) ** 2
            high = high + np.max([*deviations, np.zeros_like(values)], axis=0) ** 2
        return np.sqrt(low), np.sqrt(high)


def content_of(
    histogram: Hist[Any],
    facts: Mapping[str, DatasetFacts],
    blind: Sequence[tuple[float, float]] = (),
) -> Content:
    """Returns what is drawn of a histogram.

    Data are as they were filled. Simulation is scaled to cross section and luminosity where these
    are known; where they are not known of some dataset, all of it is scaled by one factor to the
    area of data, or is as filled if there are no data.

    Args:
        histogram: With an axis `dataset`, maybe one `variation`, and that of the variable.
        facts: What a run knows of its datasets, by name; a dataset that it does not know is data.
        blind: Intervals in which data are not drawn.

    Raises:
        InputError: It has none or several variables.
    """
    variable = only_variable(histogram)
    nominal: dict[str, Hist[Any]] = {}
    others: dict[str, dict[str, Hist[Any]]] = {}
    for dataset, variation, part in variations(histogram):
        if variation == NOMINAL:
            nominal[dataset] = part
        else:
            others.setdefault(variation, {})[dataset] = part
    simulated = {name for name in nominal if name in facts and facts[name].is_mc}
    data = {name: part for name, part in nominal.items() if name not in simulated}
    shown = outside(variable, blind)
    data = {name: without(part, ~shown) for name, part in data.items()}
    raw = {name: part for name, part in nominal.items() if name in simulated}
    factors, to_area = _factors(data, raw, facts, shown)
    scaled = {name: part * factors[name] for name, part in raw.items()}
    varied = {
        variation: np.sum(
            [parts.get(name, raw[name]).values() * factors[name] for name in raw], axis=0
        )
        for variation, parts in others.items()
        if simulated & set(parts)
    }
    return Content(variable, data, scaled, varied, to_area, shown)


def only_variable(histogram: Hist[Any]) -> Any:
    """Returns the axis of the variable.

    Raises:
        InputError: There is none, or there are several.
    """
    variables = variable_axes(histogram)
    if len(variables) != 1:
        names = ", ".join(axis.name for axis in variables) or "none"
        message = f"a plot is of a histogram of one variable, this one has {names}; project it"
        raise InputError(message, code="plotting.not-one-variable", path=names)
    return variables[0]


def errors_of(histogram: Hist[Any]) -> Any:
    """Returns the lengths of error bars, down and up, shape (2, bins).

    Of counts they are the central intervals of Poisson means at 68 %, of weighted entries the root
    of the sum of squared weights. A bin without entries has none.

    Args:
        histogram: Of one variable and nothing else.
    """
    from hist.intervals import poisson_interval

    values, variances = np.asarray(histogram.values(), np.float64), _variances(histogram)
    if np.array_equal(values, variances) and np.array_equal(values, np.rint(values)):
        low, high = poisson_interval(values)
        errors = np.stack([values - low, high - values])
    else:
        errors = np.tile(np.sqrt(variances), (2, 1))
    return np.where(variances > 0, errors, 0.0)


def helps_log(values: Any) -> bool:
    """Returns whether a logarithmic scale shows more.

    It does if, on a linear one, more than half of the bins that are not empty would be lower than
    2 % of the highest.

    Args:
        values: The contents of the bins.
    """
    filled = np.asarray(values, np.float64)
    filled = filled[np.isfinite(filled) & (filled > 0)]
    return len(filled) > 0 and bool(filled.max() > _HIGH * np.median(filled))


def outside(variable: Any, blind: Iterable[tuple[float, float]]) -> Any:
    """Returns the bins that do not reach into one of the intervals.

    Args:
        variable: The axis.
        blind: The intervals.
    """
    edges = variable.edges
    shown = np.ones(len(edges) - 1, bool)
    for low, high in blind:
        shown &= (edges[1:] <= low) | (edges[:-1] >= high)
    return shown


def without(histogram: Hist[Any], bins: Any) -> Hist[Any]:
    """Returns a histogram in which some bins are empty.

    Args:
        histogram: Of one variable and nothing else.
        bins: Which are to be empty.
    """
    if not bins.any():
        return histogram
    left = histogram.copy()
    inside = left.view()
    inside[bins] = np.zeros_like(inside[bins])
    return left


def _factors(
    data: Mapping[str, Hist[Any]], raw: Mapping[str, Hist[Any]],
    facts: Mapping[str, DatasetFacts], shown: Any,
) -> tuple[dict[str, float], bool]:  # fmt: skip
    """Returns by what simulation is multiplied, and whether that is for the area of data."""
    if not raw:
        return {}, False
    known = scales(facts)
    factors = {name: known[name] for name in raw}
    if all(factor is not None for factor in factors.values()):
        return {name: factor for name, factor in factors.items() if factor is not None}, False
    if not data:
        return dict.fromkeys(raw, 1.0), False
    area, of_data = (_sum(x.values()).values()[shown].sum() for x in (raw, data))
    fits = area > 0 and of_data > 0
    return dict.fromkeys(raw, float(of_data / area) if fits else 1.0), bool(fits)


def _sum(histograms: Iterable[Hist[Any]]) -> Hist[Any]:
    return reduce(add, histograms)


def _variances(histogram: Hist[Any]) -> Any:
    stored = histogram.variances()
    if stored is None:  # of numbers of which nobody knows the weights
        return np.abs(np.asarray(histogram.values(), np.float64))
    return np.asarray(stored, np.float64)


def _source(variation: str) -> str:
    for side in _SIDES:
        if variation.endswith(side):
            return variation.removesuffix(side)
    return variation
