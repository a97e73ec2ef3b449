"""The steps that leave each event of a run, by reading its events again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.compare.candidates import EVENT
from tau3mu.compare.cutflows import step_label
from tau3mu.errors import InputError, RunError
from tau3mu.outputs.cutflow import with_cuts
from tau3mu.processing.needs import with_needed
from tau3mu.processing.steps import StepsOfEvents, steps_name
from tau3mu.run import thaw
from tau3mu.run.frozen_plan import changed_files, prepare_thawed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.compare.sides import Side
    from tau3mu.datasets import Dataset
    from tau3mu.execution import ProcessorResult
    from tau3mu.run import RunPlan

__all__ = ["Recorded", "recorded_steps"]


@dataclass(frozen=True)
class Recorded:
    """What the steps of a processor have left.

    Attributes:
        steps: The names of the steps; the first one leaves all events that the processor gets.
        datasets: The names of the datasets.
        events: `dataset`, `run`, `lumi` and `event` of each event.
        steps_passed: How many steps, one after the other, have left it.
        absent: Where an event is lost that the processor does not get, in words.
    """

    steps: Sequence[str]
    datasets: Sequence[str]
    events: Mapping[str, npt.NDArray[Any]]
    steps_passed: npt.NDArray[np.int32]
    absent: str


def recorded_steps(side: Side, names: Sequence[str]) -> dict[str, Recorded]:
    """Returns what the steps of processors leave, by name, after reading the events once.

    Args:
        side: The run that is made again.
        names: Its processors.

    Raises:
        InputError: What the run was made of is not there any more, could not be recorded, or has
            changed, so that its steps leave other events; or a processor does not tell which events
            its steps leave.
        RunError: Events cannot be read.
    """
    from tau3mu.datasets import certifications_of
    from tau3mu.execution import execute

    with closing(_plan(side, names)) as plan:
        found = execute(
            plan.chunks,
            plan.processors,
            certifications=certifications_of(plan.datasets),
            skip_bad_files=plan.settings.skip_bad_files,
            expected=plan.expected,
        )
    if not found.processors:
        message = f"the events of {side.label} cannot be read again: {_reasons(found.incomplete)}"
        raise RunError(message, code="compare.not-read", path=side.run.folder)
    recorded = {}
    for name in names:
        again = found.processors[steps_name(name)]
        recorded[name] = _recorded(again)
        _check_cutflow(side, name, again, len(recorded[name].steps))
    return recorded


def _reasons(files: Sequence[Any]) -> str:
    return "; ".join(f"{file.path}: {', '.join(file.errors)}" for file in files[:3])


def _recorded(found: ProcessorResult) -> Recorded:
    rows = found.candidates
    numbers = next(iter(found.counters.values()))
    own = numbers["steps"] // numbers["chunks"]
    steps = [one["name"] for one in next(iter(found.cutflow.values()))]
    return Recorded(
        steps[-own:],
        list(found.cutflow),
        {"dataset": ak.to_numpy(rows["dataset"])}
        | {name: ak.to_numpy(rows[name]).astype(np.int64) for name in EVENT},
        ak.to_numpy(rows["steps"]),
        "not read" if len(steps) == own else f"{steps[-own]}, or not read",
    )


def _check_cutflow(side: Side, name: str, again: ProcessorResult, length: int) -> None:
    """Checks that the steps leave as many events as they did when the results were made."""
    stored = with_cuts(side.processors[name].cutflow)
    for dataset, rows in again.cutflow.items():
        now = [(row["name"], row["events"]) for row in rows]
        then = [
            (step_label(row), row["events"])
            for row in stored.get(dataset, ())
            if not row.get("cuts")
        ]
        if now[-length:] != then[-length:]:
            pairs = zip_longest(now[-length:], then[-length:], fillvalue=("no step", 0))
            one, other = next((a, b) for a, b in pairs if a != b)
            message = (
                f"{name} of {side.label} does not find again what its results say: {one[0]} leaves "
                f"{one[1]} events of {dataset}, and left {other[1]} ({other[0]}) then. Code or "
                "files have changed since: run it again, and compare the new results"
            )
            raise InputError(message, code="compare.other-cutflow", path=side.run.folder / name)


def _plan(side: Side, names: Sequence[str]) -> RunPlan:
    """Returns the plan of a run whose processors record their steps."""
    thawed = thaw(side.run.folder)
    asked = [StepsOfEvents(one) for one in thawed.processors if one.name in names]
    needed = {name for one in asked for name in one.needs}
    others = [one for one in with_needed(thawed.processors, needed) if needed]
    running = {one.name for one in (*others, *asked)}
    datasets = [_with_readers(one, names) for one in thawed.datasets]
    datasets = [one for one in datasets if one.readers is None or one.readers & running]
    again = replace(thawed, datasets=datasets, processors=[*others, *asked], fits={})
    plan = prepare_thawed(again, executor="iterative", no_fit=True)
    if changed := changed_files(again, plan):
        plan.close()
        place, problem = next(iter(changed.items()))
        message = f"{problem}: the events of {side.label} cannot be read again"
        raise InputError(message, code="compare.changed-file", path=place)
    return plan


def _with_readers(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Returns a dataset that is read by those that record the steps of its readers."""
    if dataset.readers is None:
        return dataset
    recording = {steps_name(name) for name in names if name in dataset.readers}
    return replace(dataset, readers=dataset.readers | recording)
