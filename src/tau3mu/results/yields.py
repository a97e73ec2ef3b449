"""Yields of datasets and eras as they were selected: per fb⁻¹, and over those of simulation.

Everything follows from histograms and the facts about datasets: no event is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import special

from tau3mu.outputs.names import DATASET, NOMINAL, VARIATION
from tau3mu.results.constancy import Comparison, Constancy, compare_eras
from tau3mu.results.normalization import luminosity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hist import Hist

    from tau3mu.results.manifest import DatasetFacts

__all__ = [
    "ALL", "Amount", "Yield", "YieldTable", "datasets_by_era", "poisson_interval",
    "selected_yields", "with_constancy",
]  # fmt: skip

ALL: Final = "all"
"""The era of what is not divided by eras."""

_ONE_SIGMA: Final = 0.6826894921370859
_DERIVED: Final = ("n_minus_one_", "cut_by_cut_")  # distributions beside the selection


@dataclass(frozen=True)
class Amount:
    """A number with its uncertainty.

    Attributes:
        value: The number.
        error: One standard deviation, None if it is not known.
        interval: Of counts, the central interval of 68.3 % of Poisson's distribution, which is also
            right for few events; otherwise None.
    """

    value: float
    error: float | None = None
    interval: tuple[float, float] | None = None

    def times(self, factor: float) -> Amount:
        """Returns the amount times a number.

        Args:
            factor: Above 0.
        """
        return self._each(lambda number: number * factor)

    def per(self, unit: float) -> Amount:
        """Returns the amount in a unit.

        Args:
            unit: Above 0.
        """
        return self._each(lambda number: number / unit)

    def _each(self, change: Callable[[float], float]) -> Amount:
        return Amount(
            change(self.value),
            None if self.error is None else change(self.error),
            None if self.interval is None else (change(self.interval[0]), change(self.interval[1])),
        )

    def over(self, other: Amount) -> Amount | None:
        """Returns the ratio to an independent amount, None if that is not above 0."""
        if other.value <= 0:
            return None
        value = self.value / other.value
        if self.error is None or other.error is None:
            return Amount(value)
        part = other.error / other.value
        error = math.hypot(self.error / other.value, value * part)
        if self.interval is None:
            return Amount(value, error)
        low, high = ((side - self.value) / other.value for side in self.interval)
        sides = value - math.hypot(low, value * part), value + math.hypot(high, value * part)
        return Amount(value, error, sides)


@dataclass(frozen=True)
class Yield:
    """The yield of a dataset, an era, or of all of them.

    Attributes:
        amount: The yield; of simulation as it was filled, without normalization.
        datasets: What was added.
        lumi: The luminosity in fb⁻¹, None if it is not known of all of these.
        per_fb: The yield over the luminosity; of simulation, if it can be normalized, the yield
            that is expected per fb⁻¹.
        ratio: The yield over that of simulation at the same luminosity, None if there is no
            simulation of this era, or it cannot be normalized.
        compared: The comparison with the other eras, None if there is none.
        at_limit: Whether a fitted yield is at a limit of its parameter.
    """

    amount: Amount
    datasets: list[str] = field(default_factory=list)
    lumi: float | None = None
    per_fb: Amount | None = None
    ratio: Amount | None = None
    compared: Comparison | None = None
    at_limit: bool = False


@dataclass(frozen=True)
class YieldTable:
    """The yields of one kind: selected candidates, or a component of a fit.

    Attributes:
        name: What they are yields of: a histogram, or a component of the fit.
        eras: Those of data, by era; a dataset without era has one of its own. Of a fit of all
            data together, the only one is `all`.
        total: All eras together, None without data.
        constancy: Whether the yields per fb⁻¹ are the same, None for fewer than two eras.
        datasets: Those of each dataset, with simulation; none of fits.
        counts: Whether those of data are numbers of events without weights.
        valid: Whether the fit is valid; None if they are not fitted.
    """

    name: str
    eras: dict[str, Yield]
    total: Yield | None = None
    constancy: Constancy | None = None
    datasets: dict[str, Yield] = field(default_factory=dict)
    counts: bool = False
    valid: bool | None = None

    @property
    def off(self) -> list[str]:
        """The eras that are off."""
        return self.constancy.off if self.constancy else []


def poisson_interval(count: float) -> tuple[float, float]:
    """Returns the central interval of 68.3 % for the mean of a Poisson distribution (Garwood).

    Args:
        count: What was counted.
    """
    tail = (1 - _ONE_SIGMA) / 2
    # The quantiles of chi2, from where they are without half a second for all of scipy.stats.
    low = float(special.gammaincinv(count, tail)) if count > 0 else 0.0
    return low, float(special.gammainccinv(count + 1, tail))


def selected_yields(
    histograms: Mapping[str, Hist[Any]],
    facts: Mapping[str, DatasetFacts],
    scales: Mapping[str, float | None],
) -> YieldTable | None:
    """Returns the yields of the selected candidates: all nominal entries of the first histogram.

    Under- and overflow are counted, so all histograms that are filled once per candidate agree.

    Args:
        histograms: Those of a processor.
        facts: What is known of the datasets.
        scales: By which simulation is multiplied to be normalized to its luminosity, by dataset.

    Returns:
        None if there is no histogram.
    """
    chosen = next((one for one in histograms if not one.startswith(_DERIVED)), None)
    if chosen is None:
        return None
    found = {dataset: _entries(histograms[chosen], dataset) for dataset in facts}
    datasets = {
        dataset: Yield(_amount(*found[dataset]), [dataset], one.lumi, _per_fb(one, found[dataset]))
        for dataset, one in facts.items()
    }
    for dataset, one in facts.items():
        if one.is_mc:
            lumi = one.lumi if one.lumi is not None else luminosity(facts.values())
            datasets[dataset] = _expected(datasets[dataset], scales[dataset], lumi)
    eras = datasets_by_era(facts)
    rows = {}
    for era, members in eras.items():
        value, variance = _sum(found[dataset] for dataset in members)
        lumi = luminosity(facts[dataset] for dataset in members)
        amount = _amount(value, variance)
        rows[era] = Yield(amount, members, lumi, _over(amount, lumi))
    counts = all(row.amount.interval is not None for row in rows.values())
    expected = {era: _simulated(era, facts, datasets) for era in rows}
    rows = {era: replace(row, ratio=_ratio(row, expected[era])) for era, row in rows.items()}
    total = None
    if rows:
        members = [dataset for some in eras.values() for dataset in some]
        amount = _amount(*_sum(found[dataset] for dataset in members))
        lumi = luminosity(facts.values())
        total = Yield(amount, members, lumi, _over(amount, lumi))
        total = replace(total, ratio=_total_ratio(total, rows, expected))
    table = YieldTable(chosen, rows, total, None, datasets, counts)
    return with_constancy(table, np.diag([_variance(row.amount) for row in rows.values()]))


def datasets_by_era(facts: Mapping[str, DatasetFacts]) -> dict[str, list[str]]:
    """Returns the datasets of data of each era, in their order.

    A dataset without era has one of its own, of its name.

    Args:
        facts: What is known of the datasets.
    """
    eras: dict[str, list[str]] = {}
    for name, one in facts.items():
        if not one.is_mc:
            eras.setdefault(one.era or name, []).append(name)
    return eras


def with_constancy(table: YieldTable, covariance: Any) -> YieldTable:
    """Returns a table in which each era is compared with the others.

    Args:
        table: With the yields of all eras.
        covariance: That of these yields, in their order.
    """
    left_out = {era: why for era, row in table.eras.items() if (why := _why_not(row))}
    places = [i for i, era in enumerate(table.eras) if era not in left_out]
    names = [era for era in table.eras if era not in left_out]
    if len(names) < 2:
        return table
    rows = [table.eras[era] for era in names]
    lumis = [row.lumi for row in rows if row.lumi is not None]
    compared, constancy = compare_eras(
        [row.amount.value for row in rows],
        lumis,
        np.asarray(covariance, np.float64)[np.ix_(places, places)],
        counts=table.counts,
    )
    found = dict(zip(names, compared, strict=True))
    off = [era for era, one in found.items() if one.off]
    return replace(
        table,
        eras={era: replace(row, compared=found.get(era)) for era, row in table.eras.items()},
        constancy=replace(constancy, off=off, left_out=left_out),
    )


def _entries(histogram: Hist[Any], dataset: str) -> tuple[float, float | None]:
    """Returns the sum of all nominal entries of a dataset, and its variance if that is known."""
    axes = histogram.axes.name
    choice: dict[int | str, Any] = {}
    for axis, wanted in ((DATASET, dataset), (VARIATION, NOMINAL)):
        if axis in axes:
            if wanted not in histogram.axes[axis]:  # nothing was filled
                return 0.0, 0.0
            choice[axis] = wanted
    part: Any = histogram[choice]
    if not hasattr(part, "values"):  # of no variables
        value = float(getattr(part, "value", part))
        return value, float(part.variance) if hasattr(part, "variance") else value
    values = np.asarray(part.values(flow=True), np.float64)
    stored = part.variances(flow=True)
    if stored is None and np.asarray(part.values()).dtype.kind not in "iu":
        return math.fsum(values.ravel()), None
    variances = values if stored is None else np.asarray(stored, np.float64)
    return math.fsum(values.ravel()), math.fsum(variances.ravel())


def _amount(value: float, variance: float | None) -> Amount:
    if variance is None:
        return Amount(value)
    counted = value == variance and value >= 0 and value.is_integer()
    return Amount(value, math.sqrt(variance), poisson_interval(value) if counted else None)


def _variance(amount: Amount) -> float:
    return 0.0 if amount.error is None else amount.error**2


def _sum(parts: Iterable[tuple[float, float | None]]) -> tuple[float, float | None]:
    values, variances = zip(*parts, strict=True)
    known = [variance for variance in variances if variance is not None]
    return math.fsum(values), math.fsum(known) if len(known) == len(variances) else None


def _over(amount: Amount, lumi: float | None) -> Amount | None:
    return amount.per(lumi) if lumi is not None and lumi > 0 else None


def _per_fb(facts: DatasetFacts, entries: tuple[float, float | None]) -> Amount | None:
    return None if facts.is_mc else _over(_amount(*entries), facts.lumi)


def _expected(one: Yield, scale: float | None, lumi: float | None) -> Yield:
    """Returns the yield of simulation with what it expects per fb⁻¹, if it can be normalized."""
    if scale is None or not scale > 0 or lumi is None or not lumi > 0:
        return one
    return replace(one, per_fb=replace(one.amount, interval=None).times(scale / lumi))


def _simulated(
    era: str, facts: Mapping[str, DatasetFacts], datasets: Mapping[str, Yield]
) -> Amount | None:
    """Returns what simulation expects of an era per fb⁻¹, None if it does not say.

    That is simulation of this era, else that of the longest beginning of its name, such as of 2017
    for 2017B, else that without era.
    """
    mine: dict[str, list[str]] = {}
    for name, one in facts.items():
        if one.is_mc and era.startswith(one.era or ""):
            mine.setdefault(one.era or "", []).append(name)
    if not mine:
        return None
    rates = [datasets[name].per_fb for name in mine[max(mine, key=len)]]
    known = [rate for rate in rates if rate is not None]
    if len(known) < len(rates):
        return None
    errors = [rate.error for rate in known if rate.error is not None]
    error = math.hypot(*errors) if len(errors) == len(known) else None
    return Amount(math.fsum(rate.value for rate in known), error)


def _ratio(row: Yield, expected: Amount | None) -> Amount | None:
    if expected is None or row.lumi is None or not row.lumi > 0:
        return None
    return row.amount.over(expected.times(row.lumi))


def _total_ratio(
    total: Yield, rows: Mapping[str, Yield], expected: Mapping[str, Amount | None]
) -> Amount | None:
    """Returns all data over all simulation, whose error its eras have in common."""
    lumis: dict[Amount, float] = {}
    for era, row in rows.items():
        amount = expected[era]
        if amount is None or row.lumi is None or not row.lumi > 0:
            return None
        lumis[amount] = lumis.get(amount, 0.0) + row.lumi
    parts = [amount.times(lumi) for amount, lumi in lumis.items()]
    errors = [part.error for part in parts if part.error is not None]
    error = math.hypot(*errors) if len(errors) == len(parts) else None
    return total.amount.over(Amount(math.fsum(part.value for part in parts), error))


def _why_not(row: Yield) -> str:
    """Returns why an era cannot be compared with others, "" if it can."""
    if row.lumi is None:
        return "its luminosity is not known"
    if not row.lumi > 0:
        return "its luminosity is 0"
    if row.at_limit:
        return "it is at a limit of the fit"
    return "it has no error" if row.amount.error is None else ""
