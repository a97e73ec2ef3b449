"""The control channel: how many D_s there are, in all data and in each era."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from tau3mu.errors import RunError
from tau3mu.report.yields import Yields
from tau3mu.results.constancy import MOST_DEVIATIONS
from tau3mu.results.fitted_yields import fitted_yields
from tau3mu.results.yields import ALL, Amount, Yield, datasets_by_era, with_constancy
from tau3mu.search.checks import check_selected
from tau3mu.search.normalization import Measured
from tau3mu.search.readings import both_ways
from tau3mu.search.refits import fit_of_era, fit_of_simulation
from tau3mu.search.runs import generated_in, run_in
from tau3mu.search.state import CONTROL

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.fit import FitModel, FitResult
    from tau3mu.fit.fitting.result import ParameterResult
    from tau3mu.results.yields import YieldTable
    from tau3mu.run import ProcessorResults
    from tau3mu.search.state import Search

__all__ = ["MOST_RATIO", "ratios_off", "run_control", "with_ratios", "yields_by_era"]

MOST_RATIO: Final = 0.2
"""By how much data may differ from simulation: two careful teams do by that."""


def run_control(search: Search, folder: Path) -> dict[str, Any]:
    """Selects and fits the control channel, as a whole and era by era.

    Args:
        search: The search.
        folder: Of the step.

    Raises:
        InputError: Data have events twice, or data and simulation are mixed up.
        RunError: The run fails, or its fit is not valid.
    """
    from tau3mu.plotting.drawing import save
    from tau3mu.plotting.heading import heading_of
    from tau3mu.plotting.stability import has_stability, plot_stability
    from tau3mu.processors import DsPhiPi

    config = search.config.control
    fit = {} if config.fit is None else {"fit": config.fit}
    processor = DsPhiPi(name=CONTROL, **config.parameters)
    run = run_in(search, config.datasets, processor, folder, **fit)
    results = run[CONTROL]
    check_selected(results)
    found = results.fit
    component = None if found is None else _component(found.model, config.yield_parameter)
    if found is None or not found.valid or component is None:
        message = (
            f"the fit of the control channel in {folder} is not valid, or has no yield "
            f"{config.yield_parameter!r}: look at its picture and report"
        )
        raise RunError(message, code="search.no-control-fit", path="control.fit")
    simulated = fit_of_simulation(config.simulation, results, found, component)
    of_simulation = simulated.model.components or {}
    selected = simulated.parameters[of_simulation[component].yield_]
    table = yields_by_era(results, found, component)
    table = with_ratios(table, _expected(results, config.simulation, selected))
    number = cast("Yield", table.total).amount
    axes = {axis.name: axis for axis in results.histograms["mass"].axes}
    filled = {
        name: cast("Any", results.histogram("mass", config.simulation, name).view(flow=True))
        for name in axes["variation"]
    }
    sums = {name: float(one["value"].sum()) for name, one in filled.items()}
    moved = {name: one / sums["nominal"] - 1 for name, one in sums.items()}
    measured = Measured(
        number.value, number.error or 0.0, selected.value, selected.error or 0.0,
        generated_in(run, processor)[config.simulation],
        {name: [moved[f"{name}_down"], moved[f"{name}_up"]] for name in both_ways(moved)},
    )  # fmt: skip
    yields = Yields(None, {component: table}).to_dict()
    if has_stability(yields):
        data = {name: one for name, one in run.datasets.items() if not one.is_mc}
        save(plot_stability(yields, heading=heading_of(data)), folder / "eras.png")
    return {**measured.to_dict(), "chi2": found.chi2, "ndf": found.ndf, "yields": yields,
            "off": {"per_fb": table.off, "ratio": ratios_off(table)}}  # fmt: skip


def _component(model: FitModel, name: str) -> str | None:
    """Returns the component of a fit that has this name, or a yield of this name."""
    for part in model.parts.values():
        for component, one in part.components.items():
            if name in (component, one.yield_):
                return component
    return None


def yields_by_era(results: ProcessorResults, found: FitResult, component: str) -> YieldTable:
    """Returns the yield of D_s in each era, and per fb⁻¹.

    A fit of all data is made again for each era, with the shapes that all data have.

    Args:
        results: Those of the control channel.
        found: Its fit.
        component: That of the D_s.
    """
    table = results.yields.fitted[component]
    eras = datasets_by_era(results.datasets)
    if list(table.eras) != [ALL]:
        return table
    if len(eras) == 1:
        return replace(table, eras=dict.fromkeys(eras, table.eras[ALL]))
    fits = {era: fit_of_era(era, results, found, share=1 / len(eras)) for era in eras}
    rows = {
        era: fitted_yields(one.to_dict(), results.datasets)[component].eras[era]
        for era, one in fits.items()
    }
    valid = found.valid and all(one.valid for one in fits.values())
    variances = [(row.amount.error or 0.0) ** 2 for row in rows.values()]
    return with_constancy(replace(table, eras=rows, valid=valid), np.diag(variances))


def _expected(
    results: ProcessorResults, simulation: str, selected: ParameterResult
) -> Amount | None:
    """Returns the D_s that simulation expects per fb⁻¹, None if it is not normalized."""
    found = results.yields.selected
    row = None if found is None else found.datasets[simulation]
    if row is None or row.per_fb is None:
        return None
    return Amount(selected.value, selected.error).times(row.per_fb.value / row.amount.value)


def with_ratios(table: YieldTable, expected: Amount | None) -> YieldTable:
    """Returns a table with the yields over those of simulation.

    Of two eras that differ, simulation tells which is off, if it agrees with the other one.

    Args:
        table: Of the D_s.
        expected: What simulation expects per fb⁻¹, None if it is not known.
    """
    if expected is None:
        return table
    return _decided(replace(
        table,
        eras={era: _with_ratio(row, expected) for era, row in table.eras.items()},
        total=table.total and _with_ratio(table.total, expected),
    ))  # fmt: skip


def _with_ratio(row: Yield, expected: Amount) -> Yield:
    if row.lumi is None or row.lumi <= 0:
        return row
    return replace(row, ratio=row.amount.over(expected.times(row.lumi)))


def _decided(table: YieldTable) -> YieldTable:
    """Returns a table in which simulation decides which eras are off, where eras alone cannot."""
    compared = {era for era, row in table.eras.items() if row.compared is not None}
    agree = {era for era in compared if (ratio := table.eras[era].ratio) and _is_near(ratio)}
    if table.constancy is None or set(table.off) != compared or agree in (set(), compared):
        return table
    eras = {
        era: replace(row, compared=replace(row.compared, off=False))
        if era in agree and row.compared
        else row
        for era, row in table.eras.items()
    }
    off = [era for era in table.off if era not in agree]
    return replace(table, eras=eras, constancy=replace(table.constancy, off=off))


def _is_near(ratio: Amount) -> bool:
    difference = abs(ratio.value - 1)
    return difference <= max(MOST_RATIO, MOST_DEVIATIONS * (ratio.error or 0.0))


def ratios_off(table: YieldTable) -> list[str]:
    """Returns the eras in which data differ from simulation by more than 20 % and 3 σ.

    Args:
        table: Of the D_s.
    """
    return [era for era, row in table.eras.items() if row.ratio and not _is_near(row.ratio)]
