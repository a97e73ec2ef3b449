"""Yields of datasets and eras that show themselves as tables, and as plain values for a page."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tau3mu.report.notebook import in_notebook, part
from tau3mu.report.numbers import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.table import Table

    from tau3mu.results.yields import YieldTable

__all__ = ["Yields", "amount_text", "listed", "yield_table", "yields_view"]

_FEW: Final = 20
"""Counts below have visibly asymmetric intervals."""

_UNLIKELY: Final = 0.0027  # three standard deviations
_HEADERS: Final = {
    "era": "Era",
    "lumi": "fb⁻¹",
    "amount": "Yield",
    "per_fb": "Per fb⁻¹",
    "compared": "Against the others",
    "ratio": "Data / simulation",
}


@dataclass(frozen=True, repr=False)
class Yields:
    """The yields of a processor.

    Attributes:
        selected: Those of the selected candidates, None if the processor fills no histogram.
        fitted: Those of each component of the fit.
    """

    selected: YieldTable | None = None
    fitted: dict[str, YieldTable] = field(default_factory=dict)

    @property
    def off(self) -> dict[str, list[str]]:
        """The eras that are off, by the name of the table, where there are any."""
        selected = {} if self.selected is None else {"selected": self.selected}
        return {name: one.off for name, one in {**selected, **self.fitted}.items() if one.off}

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of `yields.json`."""
        from tau3mu.results.constancy import MOST_DEVIATIONS, MOST_RELATIVE

        return {
            "version": 1,
            "criterion": {"deviations": MOST_DEVIATIONS, "relative": MOST_RELATIVE},
            "selected": None if self.selected is None else asdict(self.selected),
            "fitted": {name: asdict(one) for name, one in self.fitted.items()},
        }

    def __repr__(self) -> str:
        """Returns the tables as text."""
        from tau3mu.console.terminal import as_text

        views = yields_view(self.to_dict())
        return "".join(as_text(yield_table(one), *one["verdict"]) for one in views)

    def _repr_html_(self) -> str:
        return in_notebook(*(part("yields", one) for one in yields_view(self.to_dict())))


def yields_view(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns a table of texts for the selected candidates, and one for each component of the fit.

    Args:
        content: That of `yields.json`.

    Returns:
        For each `title`, `name`, whether it is `fitted`, `headers`, and `rows`: the texts of a row
        by the keys of the headers, with `off`, `kind` and the `numbers`. Then the numbers of the
        `eras`, the `constancy`, and the `verdict` in sentences; `telling` is False where there is
        no more than one number without luminosity.
    """
    criterion = content["criterion"]
    selected = [content["selected"]] if content["selected"] else []
    return [_view(one, criterion) for one in (*selected, *content["fitted"].values())]


def yield_table(view: Mapping[str, Any]) -> Table:
    """Returns the table of one kind of yields, for a terminal.

    Args:
        view: One of those that `yields_view` returns.
    """
    from tau3mu.console.terminal import PlainTable

    table = PlainTable(title=view["title"])
    for key, header in view["headers"].items():
        if key == "era":
            how: dict[str, Any] = {"overflow": "fold"}
        else:  # a narrow terminal breaks lines between numbers, never within one
            words = " ".join([header, *(row[key] for row in view["rows"])]).split()
            how = {"justify": "right", "min_width": max(map(len, words))}
        table.add_column(header, **how)
    before = None
    for row in view["rows"]:
        if before not in (None, row["kind"]) and row["kind"] != "dataset":
            table.add_section()
        before = "era" if row["kind"] == "dataset" else row["kind"]
        style = "bold red" if row["off"] else "dim" if row["kind"] == "dataset" else ""
        table.add_row(*(row[key] for key in view["headers"]), style=style)
    return table


def amount_text(amount: Mapping[str, Any] | None) -> str:
    """Returns an amount with its uncertainty, "" for None.

    Args:
        amount: `value`, `error` and `interval` of an `Amount`.
    """
    if amount is None:
        return ""
    value, error, interval = amount["value"], amount["error"], amount["interval"]
    if value is None:
        return "unknown"
    if error is None:
        return f"{value:.6g} (no error)"
    if interval is not None and (error == 0 or abs(value) / error < math.sqrt(_FEW)):
        low, high = value - interval[0], interval[1] - value
        digits = max(0, 1 - math.floor(math.log10(high)))
        return f"{value:.{digits}f} +{high:.{digits}f} -{low:.{digits}f}"
    return rounded(value, error)


def listed(names: Sequence[str]) -> str:
    """Returns names as part of a sentence."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last


def _view(table: Mapping[str, Any], criterion: Mapping[str, float]) -> dict[str, Any]:
    fitted = table["valid"] is not None
    off = set(table["constancy"]["off"]) if table["constancy"] else set()
    rows = list(_rows(table, off))
    shown = [key for key in _HEADERS if key == "era" or any(row[key] for row in rows)]
    title = f"Yields of {table['name']}" if fitted else "Yields of selected candidates"
    if table["valid"] is False:
        title += ", from a fit that is NOT VALID"
    return {
        "title": title,
        "name": table["name"],
        "fitted": fitted,
        "valid": table["valid"],
        "headers": {key: _HEADERS[key] for key in shown},
        "rows": rows,
        "eras": table["eras"],
        "constancy": table["constancy"],
        "verdict": _verdict(table, criterion),
        "telling": len(rows) > 1 or any(row["per_fb"] for row in rows),
    }


def _rows(table: Mapping[str, Any], off: set[str]) -> Iterator[dict[str, Any]]:
    datasets, eras = table["datasets"], table["eras"]
    used = set()
    for era, one in eras.items():
        yield {**_row(era, one), "off": era in off, "kind": "era"}
        used |= set(one["datasets"])
        if len(one["datasets"]) > 1:
            for name in one["datasets"]:
                if name in datasets:
                    yield {**_row(f"- {name}", datasets[name]), "off": False, "kind": "dataset"}
    if table["total"] and len(eras) > 1:
        yield {**_row("all data", table["total"]), "off": False, "kind": "total"}
    for name, one in datasets.items():
        if name not in used:
            yield {**_row(f"{name} (simulation)", one), "off": False, "kind": "simulation"}


def _row(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    limit = " (at limit)" if one["at_limit"] and one["amount"]["error"] is None else ""
    amount = one["amount"]
    return {
        "era": name,
        "lumi": "" if one["lumi"] is None else f"{one['lumi']:.4g}",
        "amount": f"{amount['value']:.6g}{limit}" if limit else amount_text(amount),
        "per_fb": amount_text(one["per_fb"]),
        "compared": _compared(one["compared"]),
        "ratio": amount_text(one["ratio"]),
        "numbers": one,
    }


def _compared(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    part = "" if found["relative"] is None else f"{_signed(100 * found['relative'])} %, "
    side = "LOW" if found["deviation"] < 0 else "HIGH"
    flag = f"{side}: " if found["off"] else ""
    return f"{flag}{part}{_signed(found['deviation'])} σ"


def _signed(value: float) -> str:
    """Returns a number with its sign and one digit after the point, where 0 has no minus."""
    return f"{round(value, 1) + 0.0:+.1f}"


def _verdict(table: Mapping[str, Any], criterion: Mapping[str, float]) -> list[str]:
    """Returns in words whether the yields per luminosity are the same."""
    lines = []
    of = "selected candidates" if table["valid"] is None else table["name"]
    if (found := table["constancy"]) is not None and found["chi2"] is not None:
        off = found["off"]
        test = f"χ²/ndf = {found['chi2']:.1f}/{found['ndf']}, {_chance(found['p_value'])}"
        limit = f"{criterion['relative']:.0%}".replace("%", " %")
        eras = {era: table["eras"][era]["compared"] for era in off}
        low = [era for era in off if eras[era]["deviation"] < 0]
        high = [era for era in off if eras[era]["deviation"] > 0]
        sides = [
            f"{listed(some)} {'is' if len(some) == 1 else 'are'} {side}"
            for some, side in ((low, "low"), (high, "high"))
            if some
        ]
        if off:
            rule = f"by more than {criterion['deviations']:g} σ and {limit} of the others"
            lines.append(
                f"The yield of {of} per fb⁻¹ is not the same in all eras ({test}): "
                f"{', '.join(sides)}, {rule}."
            )
        elif found["p_value"] < _UNLIKELY:
            lines.append(
                f"The yield of {of} per fb⁻¹ differs between eras by more than chance "
                f"({test}), but none is off by {limit} or more."
            )
        else:
            lines.append(f"The yield of {table['name']} per fb⁻¹ is the same in all eras ({test}).")
        lines += [f"{era} is not compared: {why}." for era, why in found["left_out"].items()]
    return lines


def _chance(p_value: float) -> str:
    return f"p = {p_value:.2g}" if p_value else "p < 1e-300"
