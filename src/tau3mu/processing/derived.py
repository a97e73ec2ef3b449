"""Histograms of which only the axes are declared, and how they are filled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, suggest
from tau3mu.processing.parameters import Axis

if TYPE_CHECKING:
    import awkward as ak
    from hist import Hist

__all__ = ["fill_by_axes", "histograms_of_axes"]

_ADDED = ("dataset", "variation")


def histograms_of_axes(axes: Any, weights: Mapping[str, str], owner: str) -> dict[str, Hist[Any]]:
    """Returns empty histograms of the given axes and of dataset and, with weights, variation.

    Args:
        axes: A list with one axis per histogram, or a dictionary with an axis or a list of axes by
            the name of the histogram.
        weights: The columns of weights by variation.
        owner: The name of the processor, for messages.

    Raises:
        InputError: An axis has no name or one that is taken, or there is no nominal weight.
    """
    import hist

    if weights and "nominal" not in weights:
        message = f"weights has no 'nominal'; it has {', '.join(weights)}"
        raise InputError(message, code="processor.no-nominal-weight", path=f"{owner}.weights")
    histograms = {}
    for name, own in _listed(axes, owner).items():
        added: list[Any] = [hist.axis.StrCategory([], growth=True, name="dataset")]
        if weights:
            added.append(hist.axis.StrCategory(list(weights), name="variation"))
        histograms[name] = hist.Hist(*added, *own, storage=hist.storage.Weight())
    return histograms


def _listed(axes: Any, owner: str) -> dict[str, list[Any]]:
    """Returns the axes of each histogram by its name."""
    if not isinstance(axes, Mapping):
        axes = [(getattr(axis, "name", ""), axis) for axis in axes]
        names = [name for name, _ in axes]
        if twice := [name for name in names if names.count(name) > 1 and name]:
            message = (
                f"two axes are called {twice[0]!r}; give `axes` as a "
                "dictionary by the names of the histograms"
            )
            raise InputError(message, code="processor.axis-name", path=f"{owner}.axes")
        axes = dict(axes)
    found = {}
    for name, given in axes.items():
        several = list(given) if isinstance(given, list | tuple) else [given]
        found[name] = [one.named(name) if isinstance(one, Axis) else one for one in several]
        for axis in found[name]:
            if not getattr(axis, "name", "") or axis.name in _ADDED:
                given_name = getattr(axis, "name", "")
                reason = (
                    f"is called {given_name!r}, which is added" if given_name else "has no name"
                )
                message = (
                    f"an axis of histogram {name!r} {reason}: name it after the column that fills "
                    "it"
                )
                raise InputError(message, code="processor.axis-name", path=f"{owner}.axes.{name}")
    return found


def fill_by_axes(
    histograms: Mapping[str, Hist[Any]],
    candidates: ak.Array,
    weights: Mapping[str, str],
    *,
    dataset: str,
    is_mc: bool,
) -> None:
    """Fills each axis from the column of its name, once for each variation of the weights.

    Args:
        histograms: As `histograms_of_axes` makes them.
        candidates: One record per row.
        weights: The columns of weights by variation; data have the nominal one alone.
        dataset: The name of the dataset.
        is_mc: Whether it is simulation.

    Raises:
        InputError: There is no such column among the candidates.
    """
    weights = weights if is_mc else _nominal(weights)
    for name, histogram in histograms.items():
        names = [axis.name for axis in histogram.axes if axis.name not in _ADDED]
        columns = {axis: _column(name, candidates, axis) for axis in names}
        if not weights:
            histogram.fill(dataset=dataset, **_complete(columns))
        for variation, weight in weights.items():
            weighted = {**columns, "weight": _column(name, candidates, weight)}
            histogram.fill(dataset=dataset, variation=variation, **_complete(weighted))


def _nominal(weights: Mapping[str, str]) -> dict[str, str]:
    return {"nominal": weights["nominal"]} if weights else {}


def _column(histogram: str, candidates: ak.Array, name: str) -> Any:
    if name not in candidates.fields:
        message = (
            f"histogram {histogram!r} is filled from the column "
            f"{name!r}, which select does not return{suggest(name, candidates.fields)}; it "
            f"returns {', '.join(candidates.fields)}"
        )
        raise InputError(message, code="processor.missing-column", path=f"{histogram}.{name}")
    return candidates[name]


def _complete(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Returns columns without the rows that miss a value in any of them."""
    import awkward as ak

    optional = [column for column in columns.values() if column.layout.is_option]
    if not optional:
        return dict(columns)
    there = ~ak.is_none(optional[0])
    for column in optional[1:]:
        there = there & ~ak.is_none(column)
    return {name: column[there] for name, column in columns.items()}
