"""The tables of a result to be put into a note: cutflows, yields and fits, in LaTeX or Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError
from tau3mu.report.result import result_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tau3mu.report.formats import Format

__all__ = ["left_out", "written_tables"]

_YIELDS: Final = ("lumi", "amount", "per_fb", "compared", "ratio")


def written_tables(folder: Path, form: Format) -> str:
    """Returns the cutflow, the yields and the parameters of the fit of each processor as text.

    Args:
        folder: The results folder, or that of a train.
        form: LaTeX or Markdown.

    Raises:
        InputError: There is no results folder, it has no results, or a file of them is damaged or
            missing, whose tables would not be there.
    """
    view = result_view(folder)
    if problems := [text for one in view["processors"] for text in one["problems"]]:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        message = f"{problems[0]}{more}"
        raise InputError(message, code="report.damaged", path=folder)
    if not view["processors"]:
        message = f"{folder} has no tables: the run has no results"
        raise InputError(message, code="report.no-results", path=folder)
    return "\n".join(
        table for processor in view["processors"] for table in _tables(processor, form)
    )


def left_out(folder: Path) -> list[str]:
    """Returns what the tables of a result do not say: which events and processors are missing.

    Args:
        folder: The results folder, or that of a train.
    """
    view = result_view(folder)
    facts = view["facts"]
    texts = []
    if n := facts["missing_files"]:
        events = facts["missing_events"]
        which = "events" if events is None else f"{events} events"
        texts.append(f"{which} of {n} file{'s' if n > 1 else ''} are missing in these results")
    texts += [f"{name} failed in the run and has no tables" for name in view["set_apart"]]
    return texts


def _tables(processor: Mapping[str, Any], form: Format) -> Iterator[str]:
    name = processor["name"]
    for dataset, steps in processor["cutflow"].items():
        if steps:
            yield _cutflow(f"Cutflow of {name}, {dataset}", steps, form)
    for view in processor["yields"]:
        if view["telling"]:
            yield _yields(f"{view['title']} ({name})", view, form)
    if processor["fit"] and processor["fit"]["parameters"]:
        fit = processor["fit"]
        valid = "" if fit["valid"] else ", NOT VALID"
        yield _fit(f"Fit {fit['model']} of {name}{valid}", fit, form)


def _cutflow(title: str, steps: list[Mapping[str, Any]], form: Format) -> str:
    headers = ["Step", "Events", "Candidates", "Of the step before [%]", "Of all [%]"]
    rows = [
        [
            form.text(step["name"]),
            form.text(f"{step['events']}"),
            form.text(f"{step['candidates']}"),
            *(
                "" if step[key] is None else form.text(f"{step[key]:.2f}")
                for key in ("previous", "total")
            ),
        ]
        for step in steps
        if step["of"] is None
    ]
    return form.table(title, headers, rows)


def _yields(title: str, view: Mapping[str, Any], form: Format) -> str:
    keys = [key for key in _YIELDS if key in view["headers"]]
    headers = [view["headers"][key] for key in ("era", *keys)]
    rows = []
    for row in view["rows"]:
        cells = [form.text(row["era"])]
        for key in keys:
            amount = row["numbers"].get(key)
            cells.append(
                _amount(amount, form) if isinstance(amount, dict) and "value" in amount
                else form.text(row[key].replace("-", "−"))
            )  # fmt: skip
        rows.append(cells)
    return form.table(title, headers, rows)


def _amount(amount: Mapping[str, Any], form: Format) -> str:
    value, error, interval = amount["value"], amount["error"], amount["interval"]
    if error == 0 and interval is not None:
        return form.measured(value, interval[1] - value, value - interval[0])
    return form.measured(value) if error is None else form.measured(value, error)


def _fit(title: str, fit: Mapping[str, Any], form: Format) -> str:
    rows = [
        [form.text(one["name"]), _parameter(one, form), form.text(_remark(one))]
        for one in (*fit["parameters"], *fit["derived"])
    ]
    if fit["chi2"] is not None and fit["ndf"] is not None:
        chance = "" if fit["p_value"] is None else form.text(f"p = {fit['p_value']:.3g}")
        rows.append([form.text("χ²/ndf"), form.text(f"{fit['chi2']:.1f}/{fit['ndf']}"), chance])
    return form.table(title, ["Parameter", "Value", "Remark"], rows)


def _parameter(one: Mapping[str, Any], form: Format) -> str:
    value, error, minos = one["value"], one["error"], one["minos"]
    if value is None:
        return form.text("unknown")
    if minos is not None and None not in minos:
        down, up = minos
        return form.measured(value, abs(up), abs(down))
    return form.measured(value) if error is None else form.measured(value, error)


def _remark(one: Mapping[str, Any]) -> str:
    if one.get("fixed"):
        return "fixed"
    return one.get("mark") or (f"= {one['expression']}" if one.get("expression") else "")
