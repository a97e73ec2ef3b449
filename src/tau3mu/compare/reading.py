"""The steps that leave each event of a run, by reading its events again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.compare.candidates import EVENT
from tau3mu.errors import InputError, RunError
from tau3mu.processing.steps import StepsOfEvents
from tau3mu.run import Settings, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.compare.sides import Side
    from tau3mu.run import RunPlan

__all__ = ["Recorded", "recorded_steps"]


@dataclass(frozen=True)
class Recorded:
    """What the steps of a processor have left.

    Attributes:
        steps: The names of the steps; the first one is `all`.
        datasets: The names of the datasets.
        events: `dataset`, `run`, `lumi` and `event` of each event.
        steps_passed: How many steps, one after the other, have left it.
    """

    steps: Sequence[str]
    datasets: Sequence[str]
    events: Mapping[str, npt.NDArray[Any]]
    steps_passed: npt.NDArray[np.int32]


def recorded_steps(side: Side, names: Sequence[str]) -> dict[str, Recorded]:
    """Returns what the steps of processors leave, by name, after reading the events once.

    Args:
        side: The run that is made again.
        names: Its processors.

    Raises:
        InputError: The run has not recorded how it can be made again, or a processor does not tell
            which events its steps leave.
        RunError: Events cannot be read.
    """
    from tau3mu.execution import execute

    with closing(_plan(side, names)) as plan:
        found = execute(
            plan.chunks,
            plan.processors,
            skip_bad_files=plan.settings.skip_bad_files,
            expected=plan.expected,
        )
    if not found.processors:
        message = f"the events of {side.label} cannot be read again: {_reasons(found.incomplete)}"
        raise RunError(message, code="compare.not-read", path=side.run.folder)
    return {name: _recorded(one) for name, one in found.processors.items()}


def _reasons(files: Sequence[Any]) -> str:
    return "; ".join(f"{file.path}: {', '.join(file.errors)}" for file in files[:3])


def _recorded(found: Any) -> Recorded:
    rows = found.candidates
    steps = next(iter(found.cutflow.values()))
    return Recorded(
        [one["name"] for one in steps],
        list(found.cutflow),
        {"dataset": ak.to_numpy(rows["dataset"])}
        | {name: ak.to_numpy(rows[name]).astype(np.int64) for name in EVENT},
        ak.to_numpy(rows["steps"]),
    )


def _plan(side: Side, names: Sequence[str]) -> RunPlan:
    """Returns the plan of a run whose processors record their steps."""
    from tau3mu.datasets.finding import find_datasets
    from tau3mu.processing import load_processors

    if (options := side.run.manifest.options) is None:
        message = (
            f"the run in {side.run.folder} was made from objects of Python and has not recorded "
            "how it can be made again; run it from datasets and processors that lie in files"
        )
        raise InputError(message, code="compare.not-recorded", path=side.run.folder)
    settings = Settings.of(**options)
    datasets = find_datasets(
        settings.datasets,
        settings.files,
        prefix=settings.prefix,
        max_files=settings.max_files,
        layout=settings.layout,
    )
    loaded = load_processors(
        settings.processors or ["dsphipi"], values=settings.values, variants=settings.variants
    )
    recorders = [StepsOfEvents(one) for one in loaded if one.name in names]
    how = Settings.of(
        no_fit=True, chunk_size=settings.chunk_size, skip_bad_files=settings.skip_bad_files
    )
    return prepare(datasets, recorders, how)
