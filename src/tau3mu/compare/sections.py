"""Configurations, datasets, cutflows, histograms and fits that differ, as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from tau3mu.compare.cutflows import step_label
from tau3mu.compare.numbers import shown
from tau3mu.compare.section import Section
from tau3mu.outputs.histograms import DATASET, VARIATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.compare.configuration import Change
    from tau3mu.compare.cutflows import CounterDifference, CutflowDifference
    from tau3mu.compare.fits import FitDifference
    from tau3mu.compare.histograms import HistogramDifference
    from tau3mu.compare.inputs import DatasetDifference

__all__ = [
    "change_section", "counter_section", "cutflow_section", "dataset_section", "fit_section",
    "histogram_section",
]  # fmt: skip

_SHORT: Final = 4


def sigma_text(sigma: float) -> str:
    """Returns a difference in σ.

    Args:
        sigma: The difference; infinite where there are no uncertainties.
    """
    return "no uncertainty" if math.isinf(sigma) else f"{sigma:.3g} σ"


def change_section(title: str, changes: Iterable[Change]) -> Section:
    """Returns keys with both values.

    Args:
        title: Says what they are about.
        changes: The keys.
    """
    rows = [(change.key, *_values(change.a, change.b)) for change in changes]
    return Section(title, ("Key", "A", "B"), rows)


def _values(a: Any, b: Any) -> tuple[str, str]:
    if isinstance(a, list) and isinstance(b, list) and max(len(a), len(b)) > _SHORT:
        only = [one for one in a if one not in b], [one for one in b if one not in a]
        if any(only):
            one, other = (", ".join(map(str, rest)) for rest in only)
            return one and f"also {one}", other and f"also {other}"
    return shown(a, b)


def dataset_section(datasets: Iterable[DatasetDifference]) -> Section:
    """Returns the files and facts that differ.

    Args:
        datasets: Those that differ.
    """
    rows: list[tuple[str, ...]] = []
    for one in datasets:
        rows.append((one.name, "events", *map(str, one.events)))
        rows += [(one.name, f"{change.key}", *_values(change.a, change.b)) for change in one.facts]
        rows += [
            (one.name, file.path, *("–" if n is None else f"{n} events" for n in (file.a, file.b)))
            for file in one.files
        ]
    return Section("Datasets", ("Dataset", "What", "A", "B"), rows)


def cutflow_section(cutflows: Iterable[CutflowDifference]) -> Section:
    """Returns the first step at which each cutflow parts.

    Args:
        cutflows: Those that part.
    """
    rows = [(one.processor, one.dataset, one.step, *_steps(one.a, one.b)) for one in cutflows]
    headers = ("Processor", "Dataset", "First step that differs", "A", "B")
    return Section("Cutflow", headers, rows)


def _steps(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> list[str]:
    """Returns the rows of both cutflows, with their names if these differ."""
    names = [step_label(row) if row else "" for row in (a, b)]
    weights = shown(*(row["sumw"] if row else 0.0 for row in (a, b)))
    found = []
    for row, name, sumw in zip((a, b), names, weights, strict=True):
        if row is None:
            found.append("–")
            continue
        text = f"{row['events']} events, {row['candidates']} candidates"
        text += "" if row["sumw"] == row["events"] else f", sumw {sumw}"
        found.append(text if names[0] == names[1] else f"{name}: {text}")
    return found


def counter_section(counters: Iterable[CounterDifference]) -> Section:
    """Returns the counters that differ.

    Args:
        counters: Those that differ.
    """
    rows = [(one.processor, one.dataset, one.name, *shown(one.a, one.b)) for one in counters]
    return Section("Counters", ("Processor", "Dataset", "Counter", "A", "B"), rows)


def histogram_section(histograms: Iterable[HistogramDifference]) -> Section:
    """Returns the histograms that differ, the largest difference first.

    Args:
        histograms: All, also those that do not.
    """
    different = [one for one in histograms if not one.same]
    rows: list[tuple[str, ...]] = []
    for one in sorted(different, key=lambda h: (not (h.only or h.axes), -h.sigma)):
        name = f"{one.processor}/{one.name}"
        if one.only:
            rows.append((name, f"only in {one.only.upper()}", "", "", "", ""))
            continue
        bins = one.bins_text or "not compared"
        row = [name, bins, "", "; ".join(one.axes), "", ""]
        if one.a and one.b:
            row[2:] = sigma_text(one.sigma), "; ".join([*one.axes, _place(one.where)])
            values = shown(one.a.value, one.b.value)
            if values[0] == values[1]:
                variances = shown(one.a.variance, one.b.variance)
                values = tuple(  # type: ignore[assignment]
                    f"{v}, variance {w}" for v, w in zip(values, variances, strict=True)
                )
            row += values
        rows.append(tuple(row))
    headers = ("Histogram", "Bins that differ", "Largest", "Where", "A", "B")
    note = "σ: difference over the root of the sum of both variances"
    return Section("Histograms", headers, rows, note)


def _place(where: Mapping[str, str]) -> str:
    """Returns a bin in words, such as `demo, nominal, mass 1.7 to 1.8`."""
    places = (
        place if axis in {DATASET, VARIATION} else f"{axis} {place}"
        for axis, place in where.items()
    )
    return ", ".join(places)


def fit_section(fits: Iterable[FitDifference]) -> Section:
    """Returns verdicts, minima and parameters of fits that differ.

    Args:
        fits: All, also those that do not.
    """
    rows: list[tuple[str, ...]] = []
    for one in sorted((one for one in fits if not one.same), key=lambda fit: -fit.sigma):
        verdicts = [{True: "valid", False: "not valid", None: "no fit"}[v] for v in one.valid]
        if verdicts[0] != verdicts[1]:
            rows.append((one.processor, "verdict", *verdicts, ""))
        if one.nll[0] != one.nll[1]:
            rows.append((one.processor, "NLL", *shown(*one.nll), ""))
        for parameter in one.parameters:
            value = shown(parameter.a[0], parameter.b[0])
            error = shown(parameter.a[1], parameter.b[1])
            texts = [f"{v} ± {e}" if e != "–" else v for v, e in zip(value, error, strict=True)]
            rows.append((one.processor, parameter.name, *texts, sigma_text(parameter.sigma)))
    return Section("Fits", ("Fit", "Quantity", "A", "B", "Difference"), rows)
