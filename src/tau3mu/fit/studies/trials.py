"""Trials: the same data fitted in many ways, to see how much the numbers depend on choices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, Tau3muError
from tau3mu.execution.tasks import run_tasks
from tau3mu.fit.data.prepare import prepare, resolve, sources
from tau3mu.fit.fitting.fit import fit
from tau3mu.fit.fitting.result import Quantity
from tau3mu.fit.output.labels import parameter_axis
from tau3mu.fit.studies.trial_study import TrialStudy
from tau3mu.fit.studies.trial_summary import TrialResult
from tau3mu.fit.studies.trials_file import Trials, load_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from distributed import Client

    from tau3mu.fit.data.prepare import Data
    from tau3mu.fit.language import FitModel
    from tau3mu.fit.studies.trials_file import Trial

__all__ = ["run_trials"]


def run_trials(
    trials: Trials | str | Path,
    data: Data | None = None,
    *,
    file: str | None = None,
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> TrialStudy:
    """Returns the fits of all trials.

    Whatever can be wrong with a model or with its data is found before the first fit begins.

    Args:
        trials: As `load_trials` returns them, or the file.
        data: What every trial fits, as for `fit`; else it is read, each trial for itself.
        file: From where it is read, instead of the files that the models name.
        workers: The number of processes on this machine.
        client: Of a Dask cluster, which then does the work.
        progress: Is called with the number of further trials that are done.

    Raises:
        InputError: A model is not right, or its data cannot be read or fitted.
        RunError: A worker died.
    """
    if not isinstance(trials, Trials):
        trials = load_trials(trials)
    read = _Read(data, file)
    tasks = [_task(trial, read) for trial in trials.trials]
    found = run_tasks(
        _fit_trial, trials.file.quantities, tasks, workers=workers, client=client,
        on_result=lambda _: progress(1),
    )  # fmt: skip
    results = [
        TrialResult(options=trial.options, **one)
        for trial, one in zip(trials.trials, found, strict=True)
    ]
    first = trials.trials[0].model
    return TrialStudy(
        trials.file,
        trials.document,
        tuple(results),
        labels={name: parameter_axis(first, name) for name in trials.file.quantities},
        style=first.plot.style,
    )


def _task(trial: Trial, read: _Read) -> tuple[FitModel, Any]:
    """Returns the model and the data of a trial, both checked."""
    try:
        model = resolve(trial.model)
        data = read(model)
        prepare(model, data)
    except InputError as error:
        message = f"trial {trial.label}: {error}"
        raise InputError(message, code=error.code, path=error.path) from error
    return model, data


class _Read:
    """Reads what the models name, the same only once."""

    def __init__(self, data: Data | None, file: str | None) -> None:
        self._data, self._file = data, file
        self._known: dict[str, Any] = {}

    def __call__(self, model: FitModel) -> Any:
        if self._data is not None:
            return self._data
        asked = [
            (n, p.input and p.input.model_dump(), p.observable.name) for n, p in model.parts.items()
        ]
        key = json.dumps([model.name, str(model.folder), asked])
        if key not in self._known:
            found = sources(model, self._file)
            self._known[key] = {name: source.data for name, source in found.items()}
        return self._known[key]


def _fit_trial(quantities: Sequence[str], task: tuple[FitModel, Any]) -> dict[str, Any]:
    """Returns what a trial found, or why it failed."""
    model, data = task
    try:
        result = fit(model, data)
    except Tau3muError as error:  # such as a formula that is nowhere a number
        return {"status": "failed", "messages": (str(error),), "quantities": {}}
    found: dict[str, Quantity] = {}
    for name in quantities:
        one = result.parameters[name] if name in result.parameters else result.derived[name]
        found[name] = Quantity(one.value, one.error)
    return {
        "status": result.status,
        "messages": result.messages,
        "quantities": found,
        "chi2": result.chi2,
        "ndf": result.ndf,
        "p_value": result.p_value,
        "nll": result.nll,
    }
