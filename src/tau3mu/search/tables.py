"""What a search has found as tables, in a terminal, as text and in a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tau3mu.learning.checks import MASS_BINS
from tau3mu.report.notebook import in_notebook, part
from tau3mu.report.numbers import rounded
from tau3mu.report.yields import listed, yield_table, yields_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup
    from rich.table import Table

    from tau3mu.search.config import SearchConfig

__all__ = ["SearchTable", "tables_of"]


@dataclass(frozen=True, repr=False)
class SearchTable:
    """A table that shows itself.

    Attributes:
        title: What it is of.
        headers: Of the columns.
        rows: The texts, a row each.
        notes: Sentences below it.
        warnings: Those that should not be overlooked.
        view: Of yields by era, what shows them.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    view: Mapping[str, Any] | None = field(default=None, compare=False)

    def for_terminal(self) -> Table:
        """Returns the table of a terminal, without the sentences below."""
        from tau3mu.console.terminal import PlainTable

        if self.view is not None:
            return yield_table(self.view)
        table = PlainTable(title=self.title)
        for number, header in enumerate(self.headers):
            table.add_column(header, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def sentences(self) -> list[str]:
        """Returns all sentences below, warnings marked."""
        return [*self.notes, *(f"warning: {one}" for one in self.warnings)]

    def parts(self) -> list[Markup]:
        """Returns the parts of a notebook or a report."""
        if self.view is not None:
            shown = part("yields", {**self.view, "verdict": self.sentences()})
            return [shown]
        return [part("grid", self.headers, self.rows, self.title),
                part("messages", self.sentences())]  # fmt: skip

    def __repr__(self) -> str:
        """Returns the table as text."""
        from tau3mu.console.terminal import as_text

        return as_text(self.for_terminal(), *self.sentences())

    def _repr_html_(self) -> str:
        return in_notebook(*self.parts())


def tables_of(
    facts: Mapping[str, Mapping[str, Any]], config: SearchConfig
) -> dict[str, SearchTable]:
    """Returns the tables of those steps that are done.

    Args:
        facts: What they have found.
        config: The search.
    """
    found: dict[str, SearchTable] = {}
    if "datasets" in facts:
        found["datasets"] = _datasets(facts["datasets"])
    if "control" in facts:
        found["eras"] = _eras(facts["control"], config.control.simulation)
    if "training" in facts:
        found["training"] = _training(facts["training"])
    if "model" in facts:
        found["yields"] = _yields(facts["model"], config)
        found["budget"] = _budget(
            facts["model"]["budget"], facts.get("limit", {}).get("effects", {})
        )
    if "limit" in facts:
        found["limit"] = _limit(facts["limit"], config)
    return found


def _datasets(facts: Mapping[str, Any]) -> SearchTable:
    rows = [
        [channel, str(one["files"]), f"{one['lumi']:.4g}" if one["lumi"] else "not known"]
        for channel, one in facts.items()
    ]
    return SearchTable("Datasets", ("channel", "files", "fb⁻¹"), rows)


def _eras(facts: Mapping[str, Any], simulation: str) -> SearchTable:
    (view,) = yields_view(facts["yields"])
    rows = []
    for row in view["rows"]:
        flag = ""
        if row["era"] in facts["off"]["ratio"]:
            flag = "LOW: " if row["numbers"]["ratio"]["value"] < 1 else "HIGH: "
        rows.append({**row, "ratio": f"{flag}{row['ratio']}"})
    view = {**view, "rows": rows, "title": "D_s of the control channel"}
    efficiency = facts["selected"] / facts["generated"]
    produced = rounded(facts["number"] / efficiency, facts["error"] / efficiency)
    number = f"{rounded(facts['number'], facts['error'])} D_s"
    selected = f"{100 * efficiency:.2f} % are selected"
    notes = [f"{number}, of which {selected}: {produced} decays. They normalize the signal."]
    warnings: list[str] = []
    (notes if not facts["off"]["per_fb"] else warnings).extend(view["verdict"])
    if off := facts["off"]["ratio"]:
        warnings.append(
            f"data and simulation differ by more than 20 % and 3 σ in {listed(off)}: look at "
            "luminosity, triggers and cross section"
        )
    if not any(row["ratio"] for row in rows):
        notes.append(
            f"Data are not compared with simulation: {simulation} needs cross_section and generated"
        )
    headers = list(view["headers"].values())
    texts = [[row[key] for key in view["headers"]] for row in rows]
    return SearchTable(view["title"], headers, texts, notes, warnings, view)


def _training(facts: Mapping[str, Any]) -> SearchTable:
    area = facts["checks"]["auc"]
    rows = [
        ["not seen", f"{area['tested']:.4f} ± {area['error']:.4f}"],
        ["trained with", f"{area['trained']:.4f}"],
    ]
    return SearchTable("Discriminant", ("events", "area under the curve"), rows, *_flatness(facts))


def _flatness(facts: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Returns what the check of the mass has looked at: a note, or a warning if it is little."""
    every = facts["candidates"]["signal"]
    checks = facts["checks"]["efficiency_against_mass"]
    numbers: list[int] = next(iter(checks.values()), {"candidates": []})["candidates"]
    text = (
        f"the efficiency against the mass is that of {sum(numbers)} of {every} candidates of "
        f"signal, those in the signal windows, in {len(numbers)} of {MASS_BINS} intervals"
    )
    if len(numbers) < MASS_BINS:
        return [], [f"{text}: there are too few for more"]
    return [f"{text[0].upper()}{text[1:]}."], []


def _yields(facts: Mapping[str, Any], config: SearchConfig) -> SearchTable:
    rows = [
        [name, rounded(row["signal"], row["error"]), str(row["sidebands"]),
         f"{row['signal_in_window']:.3g}", f"{row['background_in_window']:.3g}"]
        for name, row in facts["yields"].items()
    ]  # fmt: skip
    warnings = [
        f"bin {name} is left out: {one['simulated']} simulated candidates are too few for its peak "
        f"({one['signal']:.2g} are expected, {one['sidebands']} are in the sidebands)"
        for name, one in facts["left_out"].items()
    ]
    title = f"Expected signal, B(τ→3μ) = {config.branching_fraction:g}, and background"
    headers = ("channel", "signal", "in sidebands", "s in window", "b in window")
    return SearchTable(title, headers, rows, warnings=warnings)


def _budget(facts: Sequence[Mapping[str, Any]], effects: Mapping[str, float]) -> SearchTable:
    rows = []
    for row in facts:
        effect = effects.get(row["name"])
        rows.append([
            row["text"], "" if row["value"] is None else f"{row['value']:.4g}",
            f"{100 * row['relative']:.2g} %", "" if effect is None else f"{100 * effect:.2f} %",
        ])  # fmt: skip
    headers = ("source", "value", "uncertainty", "on the limit")
    return SearchTable("Uncertainties of the signal", headers, rows)


def _limit(facts: Mapping[str, Any], config: SearchConfig) -> SearchTable:
    scale = config.branching_fraction

    def row(name: str, r: float) -> list[str]:
        return [name, f"{r:.3g}", f"{scale * r:.3g}"]

    rows = [
        row("expected, median" if n == "0" else f"expected, {int(n):+d} σ", r)
        for n, r in facts["expected"].items()
    ]
    rows.append(row("by counting", facts["counting"]))
    title = f"Limits at {100 * config.cl:g} % CL"
    return SearchTable(title, ("limit", "r", "B(τ→3μ)"), rows, warnings=facts["warnings"])
