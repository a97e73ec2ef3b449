"""The parts of a comparison as rows of texts, for tables in terminals and notebooks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.compare.candidates import EVENT
from tau3mu.compare.cutflows import step_label
from tau3mu.compare.numbers import shown
from tau3mu.outputs.histograms import DATASET, VARIATION
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Group

    from tau3mu.compare.candidates import CandidatesDifference
    from tau3mu.compare.configuration import Change
    from tau3mu.compare.cutflows import CounterDifference, CutflowDifference
    from tau3mu.compare.fits import FitDifference
    from tau3mu.compare.histograms import HistogramDifference
    from tau3mu.compare.inputs import DatasetDifference
    from tau3mu.compare.sync import Synchronization

__all__ = [
    "MOST_ROWS", "Section", "candidates_sections", "change_section", "counter_section",
    "cutflow_section", "dataset_section", "fit_section", "histogram_section", "sigma_text",
    "sync_sections",
]  # fmt: skip

_SHORT: Final = 4
_DETAILED: Final = 3
"""Of so many processors, rows and events are shown; the numbers of all are."""

MOST_ROWS: Final = 20
"""The rows of a table; there are more in the JSON, and all in the files of `save`."""


@dataclass(frozen=True)
class Section:
    """A table.

    Attributes:
        title: Stands above it.
        headers: The names of the columns.
        rows: Texts.
        note: Stands below it.
        most: How many rows are shown.
    """

    title: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]] = ()
    note: str = ""
    most: int = MOST_ROWS

    def table(self) -> Group:
        """Returns it for a terminal."""
        from rich.console import Group

        from tau3mu.console.terminal import PlainTable, plain

        table = PlainTable()
        for header in self.headers:
            table.add_column(header, overflow="fold")
        for row in self.rows[: self.most]:
            table.add_row(*row)
        below = [plain(note)] if (note := self._below()) else []
        return Group(plain(f"\n{self.title}", "bold"), table, *below)

    def html(self) -> str:
        """Returns it for a notebook."""
        head = "".join(f"<th>{_escaped(header)}</th>" for header in self.headers)
        body = "".join(
            "<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows[: self.most]
        )
        below = f"<p>{_escaped(note)}</p>" if (note := self._below()) else ""
        return (
            f"<h4>{_escaped(self.title)}</h4><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>{below}"
        )

    def _below(self) -> str:
        more = len(self.rows) - self.most
        return "; ".join(text for text in (f"... and {more} more" if more > 0 else "", self.note)
                         if text)  # fmt: skip


def _escaped(text: str) -> str:
    return escape(redact(text))


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
        bins = f"{one.differing} of {one.bins}" if one.bins else "not compared"
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


def candidates_sections(
    candidates: Iterable[CandidatesDifference], *, synced: bool
) -> list[Section]:
    """Returns the numbers of rows, and of some processors the rows and the columns that differ.

    Args:
        candidates: All, also those that do not differ.
        synced: Whether the events of one side alone are shown with their steps, too.
    """
    different = [one for one in candidates if not one.same]
    rows: list[tuple[str, ...]] = []
    for one in different:
        events = one.events or ("", "")
        alone = [
            str(n) if m in {"", n} else f"{n} ({m} events)"
            for n, m in zip(one.alone, events, strict=True)
        ]
        columns = str(len(one.columns) or "") + ("" if one.order else " another order")
        rows.append((one.processor, *map(str, one.rows), str(one.common), *alone, columns.strip()))
    headers = ("Processor", "A", "B", "In both", "Only in A", "Only in B", "Columns that differ")
    sections = [Section("Candidates", headers, rows)]
    for one in different[:_DETAILED]:
        if any(one.alone) and not (synced and one.keys == EVENT):
            sections.append(_alone(one))
        if one.columns:
            sections.append(_columns(one))
    return sections


def _columns(found: CandidatesDifference) -> Section:
    rows = [
        (
            one.name,
            str(one.rows) if one.rows else "",
            "" if one.largest is None else f"{one.largest:.3g}",
            ", ".join(f"{key} {value}" for key, value in one.first.items()),
            *(shown(one.a, one.b) if one.rows else _kinds(one.kinds)),
        )
        for one in found.columns
    ]
    headers = ("Column", "Rows that differ", "Largest", "First", "A", "B")
    return Section(f"Columns of {found.processor}", headers, rows)


def _kinds(kinds: tuple[str, str] | None) -> tuple[str, str]:
    one, other = kinds or ("", "")
    return one or "no such column", other or "no such column"


def _alone(found: CandidatesDifference) -> Section:
    """Returns some rows of each side alone: half of them of each, if both have enough."""
    half = MOST_ROWS // 2
    n_a, n_b = found.alone
    numbers = min(n_a, max(half, MOST_ROWS - n_b)), min(n_b, max(half, MOST_ROWS - n_a))
    rows: list[tuple[str, ...]] = []
    for side, alone, number in zip("AB", (found.only_a, found.only_b), numbers, strict=True):
        some = [values[:number].tolist() for values in alone.values()]
        rows += [(side, *map(str, row)) for row in zip(*some, strict=True)]
    more = n_a + n_b - len(rows)
    note = f"... and {more} more" if more else ""
    return Section(
        f"Rows of {found.processor} on one side alone", ("Only in", *found.keys), rows, note
    )


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


def sync_sections(sync: Iterable[Synchronization]) -> list[Section]:
    """Returns the steps with their events, where events of one side alone are lost, and some.

    Args:
        sync: Where the steps of each processor part; some of those that part are shown.
    """
    parted = [one for one in sync if one.first is not None or len(one.events["lost_a"])]
    return [section for one in parted[:_DETAILED] for section in _followed(one)]


def _followed(found: Synchronization) -> list[Section]:
    listed = all(step.b is None for step in found.steps)
    rows = [
        (
            f"{step.name}  ← first" if step is found.first else step.name,
            str(step.events_a),
            str(step.events_b),
            str(step.only_a),
            str(step.only_b),
        )
        for step in found.steps
    ]
    headers = ("Step", "A", "B", "Only in A", "Only in B")
    if listed:
        headers = ("Step", "A", "of them in B", "not in B", "Lost of B")
    title = f"Events left by {found.processor}"
    sections = [Section(title, headers, rows, most=len(rows))]
    lost = [
        (f"only in {'B' if side == 'a' else 'A'}", f"{side.upper()}: {step}", str(number))
        for side, step, number in found.lost()
    ]
    if lost:
        sections.append(Section("Where they are lost", ("Events", "Step", "Number"), lost))
    if number := len(found.events["lost_a"]):
        # First those that one side has selected, and others have listed.
        selected = found.events["lost_b"] == ""
        if not listed:
            selected |= found.events["lost_a"] == ""
        order = np.argsort(~selected, kind="stable")[:MOST_ROWS]
        some = (values[order].tolist() for values in found.events.values())
        events = [tuple(map(str, row)) for row in zip(*some, strict=True)]
        names = (*list(found.events)[:-2], "Lost in A at", "Lost in B at")
        note = f"... and {number - len(events)} more" if number > len(events) else ""
        sections.append(
            Section(f"Events of {found.processor} on one side alone", names, events, note)
        )
    return sections
