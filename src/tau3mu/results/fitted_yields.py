"""Yields of a fit by component and era, from the content of its `fit.json`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.results.normalization import luminosity
from tau3mu.results.yields import (
    ALL,
    Amount,
    Yield,
    YieldTable,
    datasets_by_era,
    with_constancy,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from tau3mu.results.manifest import DatasetFacts

__all__ = ["fitted_yields"]


def fitted_yields(
    fit: Mapping[str, Any], facts: Mapping[str, DatasetFacts]
) -> dict[str, YieldTable]:
    """Returns the yields of each component of a fit.

    Those of spectra of the same era are added. A spectrum is of an era if its input says so; the
    others are those of all data.

    Args:
        fit: The content of `fit.json`, also that of an older version.
        facts: What is known of the datasets.
    """
    eras = datasets_by_era(facts)
    eras[ALL] = [name for some in eras.values() for name in some]
    used: dict[str, dict[str, list[str]]] = {}
    for era, component, parameter in _parts(fit):
        used.setdefault(component, {}).setdefault(era, []).append(parameter)
    covariance = _Covariance(fit)
    tables = {}
    for component, by_era in used.items():
        rows = {
            era: _row(fit, covariance, names, facts, eras.get(era, []))
            for era, names in by_era.items()
        }
        lists = list(by_era.values())
        matrix = np.array([[covariance.of(one, other) for other in lists] for one in lists])
        everything = [name for names in lists for name in names]
        members = list(dict.fromkeys(name for row in rows.values() for name in row.datasets))
        total = _row(fit, covariance, everything, facts, members) if members else None
        table = YieldTable(component, rows, total, valid=bool(fit.get("valid")))
        tables[component] = with_constancy(table, matrix)
    return tables


def _parts(fit: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yields the era, the component and the parameter of each yield."""
    model = fit.get("configuration") or {}
    for spectrum in (model.get("spectra") or {"": model}).values():
        era = (spectrum.get("input") or {}).get("era") or ALL
        for name, component in (spectrum.get("components") or {}).items():
            yield era, name, component["yield"]


def _row(
    fit: Mapping[str, Any],
    covariance: _Covariance,
    names: list[str],
    facts: Mapping[str, DatasetFacts],
    datasets: list[str],
) -> Yield:
    parameters = [fit["parameters"][name] for name in names]
    variance = covariance.of(names, names)
    known = all(one["error"] is not None for one in parameters) and variance >= 0
    amount = Amount(
        math.fsum(one["value"] for one in parameters), math.sqrt(variance) if known else None
    )
    lumi = luminosity(facts[name] for name in datasets)
    per_fb = amount.per(lumi) if lumi is not None and lumi > 0 else None
    limited = any(one["at_limit"] for one in parameters)
    return Yield(amount, datasets, lumi, per_fb, at_limit=limited)


class _Covariance:
    """The covariance of sums of parameters.

    A parameter with an expression is not in the matrix of the fit; it has its own error, and none
    in common with others.
    """

    def __init__(self, fit: Mapping[str, Any]) -> None:
        self._errors = {name: one["error"] or 0.0 for name, one in fit["parameters"].items()}
        self._places = {name: i for i, name in enumerate(fit.get("covariance_parameters") or ())}
        matrix: npt.NDArray[np.float64] = np.asarray(fit.get("covariance") or [], np.float64)
        self._matrix = matrix

    def of(self, one: list[str], other: list[str]) -> float:
        """Returns the covariance of two sums."""
        return math.fsum(self._pair(a, b) for a in one for b in other)

    def _pair(self, one: str, other: str) -> float:
        if one in self._places and other in self._places and self._matrix.ndim == 2:
            return float(self._matrix[self._places[one], self._places[other]])
        return self._errors[one] ** 2 if one == other else 0.0
