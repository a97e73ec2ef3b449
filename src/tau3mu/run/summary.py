"""The last lines of a run: in words, what was found and whether it can be trusted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from tau3mu.report.yields import amount_text, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tau3mu.fit import FitResult
    from tau3mu.run.stored import ProcessorResults, Run

__all__ = ["Kind", "summary"]

Kind = Literal["plain", "good", "doubt", "bad"]

_UNLIKELY = 0.01  # of a χ²
_MOST = 20  # processors


def summary(run: Run) -> list[tuple[Kind, str]]:
    """Returns sentences about a run, the verdict last, each with how it is to be taken.

    Args:
        run: With its results, if there are any.
    """
    lines: list[tuple[Kind, str]] = [("plain", _read(run))]
    for results in list(run.values())[:_MOST]:
        lines += [("plain", text) for text in _selected(results)]
        if (fit := results.fit) is not None:
            lines.append(_fitted(results, fit))
        if off := results.yields.off:
            eras = listed(list(dict.fromkeys(era for some in off.values() for era in some)))
            text = f"The yields per fb⁻¹ of {results.name} are off in {eras}: see the tables above."
            lines.append(("doubt", text))
    if len(run) > _MOST:
        lines.append(("plain", f"… and {len(run) - _MOST} more processors."))
    return [*lines, _verdict(run, lines)]


def _read(run: Run) -> str:
    read = sum(file.read for file in run.manifest.inputs)
    files = len({(file.dataset, file.path) for file in run.manifest.inputs if file.read})
    return f"{read} events were read from {files} {'file' if files == 1 else 'files'}."


def _selected(results: ProcessorResults) -> Iterator[str]:
    for kind, simulated in (("data", False), ("simulation", True)):
        first = last = 0
        for dataset, steps in results.cutflow.items():
            facts = results.datasets.get(dataset)
            own = [step for step in steps if not step["name"].startswith("parent:")]
            if len(own) > 1 and own[1]["name"] == "certified":
                own = own[1:]  # the events of an efficiency are those that may be used
            if own and facts is not None and facts.is_mc is simulated:
                first, last = first + own[0]["events"], last + own[-1]["events"]
        if first:
            yield (
                f"{results.name} keeps {last} of {first} events of {kind} "
                f"({100 * last / first:.3g} %)."
            )


def _fitted(results: ProcessorResults, fit: FitResult) -> tuple[Kind, str]:
    name = results.name
    if not fit.valid:
        reason = fit.messages[0] if fit.messages else fit.status
        return "bad", f"The fit of {name} is NOT valid, do not use its numbers: {reason}."
    marked = {
        one["name"]: one["mark"] for one in _parameters(fit) if one["mark"] and not one["fixed"]
    }
    tables = results.yields.fitted
    totals = {name: one.total for name, one in tables.items() if one.total is not None}
    if len(fit.spectra) > 1 and totals:
        found = {name: amount_text(asdict(one.amount)) for name, one in totals.items()}
        of = f" in {len(fit.spectra)} spectra"
    else:
        found, of = {key: one.text for key, one in fit.yields.items()}, ""
    text = f"The fit of {name} is valid: {', '.join(f'{k} = {v}' for k, v in found.items())}{of}."
    doubts = [f"{parameter} is {mark}" for parameter, mark in marked.items()]
    if fit.p_value is not None and fit.p_value < _UNLIKELY:
        doubts.insert(0, f"it describes the data badly (p = {fit.p_value:.2g} of the χ²)")
    return ("doubt", f"{text} But {', '.join(doubts)}.") if doubts else ("plain", text)


def _parameters(fit: FitResult) -> Sequence[dict[str, object]]:
    from tau3mu.report.fits import fit_view

    parameters: list[dict[str, object]] = fit_view(fit.to_dict())["parameters"]
    return parameters


def _verdict(run: Run, lines: Sequence[tuple[Kind, str]]) -> tuple[Kind, str]:
    """Returns whether the results can be trusted, and otherwise why not."""
    wrong = []
    if run.missing:
        events = [file.events for file in run.missing]
        known = sum(one for one in events if one is not None)
        number = f"more than {known}" if None in events else f"{known}"
        files = "1 file" if len(events) == 1 else f"{len(events)} files"
        wrong.append(f"{number} events of {files} are missing")
    if run.set_apart:
        wrong.append(f"no results of {', '.join(run.set_apart)}, which failed")
    if run.not_fitted:
        wrong.append(f"no fit of {', '.join(run.not_fitted)}")
    wrong += [f"data {name} were not derived" for name, one in run.manifest.derived.items()
              if one.problem]  # fmt: skip
    invalid = [name for name, fit in run.fits.items() if not fit.valid]
    if invalid:
        wrong.append(f"the fit of {', '.join(invalid)} is not valid")
    if wrong:
        return "bad", f"These results cannot be used as they are: {'; '.join(wrong)}."
    doubts = any(kind == "doubt" for kind, _ in lines)
    if doubts or run.warnings or any(fit.messages for fit in run.fits.values()):
        return "doubt", "All events are there. Read the remarks above before you use the results."
    return "good", "All events are there, and nothing speaks against these results."
