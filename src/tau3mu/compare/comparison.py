"""What a comparison has found, and how it shows itself."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.compare.event_sections import candidates_sections, sync_sections
from tau3mu.compare.section import MOST_ROWS, Section
from tau3mu.compare.sections import (
    change_section,
    counter_section,
    cutflow_section,
    dataset_section,
    fit_section,
    histogram_section,
)
from tau3mu.config.input_files import user_path
from tau3mu.redaction import redact
from tau3mu.report.comparison import comparison_part
from tau3mu.report.notebook import in_notebook
from tau3mu.storage.files import json_text, staged, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt
    from rich.console import Group

    from tau3mu.compare.candidates import CandidatesDifference
    from tau3mu.compare.configuration import Change
    from tau3mu.compare.cutflows import CounterDifference, CutflowDifference
    from tau3mu.compare.fits import FitDifference
    from tau3mu.compare.histograms import HistogramDifference
    from tau3mu.compare.inputs import DatasetDifference
    from tau3mu.compare.sync import Synchronization

__all__ = ["Comparison"]

_VERSION = 1


@dataclass(frozen=True)
class Comparison:
    """The differences of two results, A and B.

    Attributes:
        a: The name of the one side.
        b: The name of the other side.
        strict: Whether every bit counted.
        configuration: The keys of the resolved configurations that differ.
        datasets: The datasets that differ in their files, events or facts.
        code: What differs in versions and hashes of code.
        processors: The processors of one side alone: `a` or `b` by name.
        cutflow: The first step that differs, by processor and dataset.
        counters: The counters that differ.
        histograms: All histograms, also those that are the same.
        candidates: The candidates of each processor of both sides.
        fits: The fits of each processor that has one on any side.
        sync: Where the steps of each processor part, if it was asked for.
    """

    a: str
    b: str
    strict: bool = False
    configuration: list[Change] = field(default_factory=list)
    datasets: list[DatasetDifference] = field(default_factory=list)
    code: list[Change] = field(default_factory=list)
    processors: dict[str, str] = field(default_factory=dict)
    cutflow: list[CutflowDifference] = field(default_factory=list)
    counters: list[CounterDifference] = field(default_factory=list)
    histograms: list[HistogramDifference] = field(default_factory=list)
    candidates: list[CandidatesDifference] = field(default_factory=list)
    fits: list[FitDifference] = field(default_factory=list)
    sync: list[Synchronization] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether the results and what was read are the same.

        A configuration or code that differs without any effect on them does not count.
        """
        return not (self.datasets or self.processors or self.cutflow or self.counters) and all(
            one.same for part in (self.histograms, self.candidates, self.fits) for one in part
        )

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        other = [one for one in self.histograms if not one.same]
        parts = [
            (bool(self.processors), "processors"),
            (bool(self.datasets), "datasets"),
            (bool(self.cutflow), "cutflow"),
            (bool(self.counters), "counters"),
            (bool(other), f"{len(other)} of {len(self.histograms)} histograms"),
            (any(not one.same for one in self.candidates), "candidates"),
            (any(not one.same for one in self.fits), "fits"),
        ]
        if not self.same:
            return f"DIFFERENT: {', '.join(text for differs, text in parts if differs)}"
        counted = [
            (sum(one.bins for one in self.histograms), "bins"),
            (sum(one.common for one in self.candidates), "candidates"),
            (len(self.fits), "fits"),
        ]
        found = ", ".join(f"{number} {what}" for number, what in counted if number)
        return f"SAME: {found or 'no results'}"

    def sections(self) -> list[Section]:
        """Returns the tables of what differs: first why, then what, then how it was done."""
        results = [change for change in self.configuration if change.results]
        how = [change for change in self.configuration if not change.results]
        only = [(name, f"only in {side.upper()}") for name, side in self.processors.items()]
        sections = [
            change_section("Configuration", results),
            dataset_section(self.datasets),
            Section("Processors", ("Processor", ""), only),
            cutflow_section(self.cutflow),
            *sync_sections(self.sync),
            counter_section(self.counters),
            histogram_section(self.histograms),
            *candidates_sections(self.candidates, synced=bool(self.sync)),
            fit_section(self.fits),
            change_section("Code", self.code),
            change_section("How it was done, which does not change results", how),
        ]
        return [section for section in sections if section.rows]

    def table(self) -> Group:
        """Returns the verdict and the tables for a terminal."""
        from rich.console import Group

        from tau3mu.console.terminal import plain

        style = "bold green" if self.same else "bold red"
        lines = [plain(f"A: {self.a}"), plain(f"B: {self.b}"), plain(self.headline, style)]
        return Group(*lines, *(section.table() for section in self.sections()))

    def _repr_html_(self) -> str:
        return in_notebook(comparison_part(self))

    def __repr__(self) -> str:
        """Returns both names and the verdict."""
        return f"{self.a} and {self.b}: {self.headline}"

    def document(self, *, rows: int | None = MOST_ROWS) -> dict[str, Any]:
        """Returns everything as JSON values.

        An infinite σ is null, as all numbers that JSON lacks.

        Args:
            rows: How many rows and events of one side alone to give, None for all.
        """
        content: dict[str, Any] = _plain(asdict(self), rows)
        for one, stored in zip(self.candidates, content["candidates"], strict=True):
            stored["alone"] = dict(zip("ab", one.alone, strict=True))
        for name in ("candidates", "histograms", "fits"):
            for one, stored in zip(getattr(self, name), content[name], strict=True):
                stored["same"] = one.same
        return {"version": _VERSION, "same": self.same, "headline": self.headline, **content}

    def save(self, folder: str | Path) -> None:
        """Writes `comparison.json`, and tables of all rows and events of one side alone.

        These are `NAME_only_in_a.csv` and `NAME_only_in_b.csv` of the candidates of a processor,
        and `NAME_sync.csv` of the events of its steps.

        Args:
            folder: Where to write; nothing there is replaced.

        Raises:
            InputError: One of the files is there already; none was written.
            RunError: A file cannot be written.
        """
        with staged(user_path(folder)) as aside:
            write_text(aside / "comparison.json", json_text(self.document(rows=None)))
            for rows in self.candidates:
                name = _file_name(rows.processor)
                write_text(aside / f"{name}_only_in_a.csv", _csv(rows.only_a))
                write_text(aside / f"{name}_only_in_b.csv", _csv(rows.only_b))
            for one in self.sync:
                write_text(aside / f"{_file_name(one.processor)}_sync.csv", _csv(one.events))


def _file_name(processor: str) -> str:
    return processor.replace("/", "-")


def _csv(columns: Mapping[str, npt.NDArray[Any]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return text.getvalue()


def _plain(value: Any, rows: int | None) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, rows) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, rows) for item in value]
    if isinstance(value, np.ndarray):
        return value[:rows].tolist()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return redact(value) if isinstance(value, str) else value
