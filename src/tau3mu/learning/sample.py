"""The candidates that a discriminant is trained with, out of the results of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.discriminant import FEATURES, feature_matrix, fold_of
from tau3mu.errors import InputError
from tau3mu.outputs import load_candidates
from tau3mu.outputs.repeated import check_repeated
from tau3mu.results.manifest import manifest_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Sample", "sample_of"]

_CATEGORIES: Final = ("a", "b", "c")


@dataclass(frozen=True)
class Sample:
    """Candidates of simulated signal and of the sidebands of data.

    Attributes:
        matrix: The inputs, candidates × features.
        signal: Which are simulated signal.
        weight: Of signal, the expected number of candidates that each stands for; of data, 1.
        mass: In GeV.
        category: 0, 1 and 2 for A, B and C.
        fold: The fold of the event of each.
        dataset: The dataset of each.
        selection: The parameters of the processor that decide which candidates there are.
        windows: The signal windows of the categories in GeV, closed in data.
    """

    matrix: npt.NDArray[np.float32]
    signal: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float64]
    mass: npt.NDArray[np.float64]
    category: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    dataset: npt.NDArray[np.str_]
    selection: Mapping[str, Any]
    windows: npt.NDArray[np.float64]


def sample_of(
    results: Path, expected: Mapping[str, float], *, processor: str = "tau3mu", folds: int = 5
) -> Sample:
    """Returns the candidates of a run of the search's processor.

    Args:
        results: The results folder; its data are the background, its simulation the signal.
        expected: For each simulated dataset the expected number of decays over that of generated
            ones: the weight of an event.
        processor: The name of the processor in the results.
        folds: Into how many the events are divided.

    Raises:
        InputError: There is no such run, it has no signal or no background, its data are not
            blind or have events twice, or columns are missing.
    """
    from tau3mu.processors import TauTo3Mu

    manifest = manifest_in(results)
    configured = manifest.configuration["processors"].get(processor)
    if configured is None:
        message = f"{results} has no results of {processor}; run the search's processor first"
        raise InputError(message, code="learning.no-processor", path=str(results))
    made = TauTo3Mu(**configured["parameters"])
    candidates = load_candidates(results / processor)
    columns = {name: _column(candidates, name) for name in candidates.fields}
    dataset = columns["dataset"].astype(np.str_)
    facts = manifest.datasets
    signal = np.array([facts[name].is_mc for name in dataset.tolist()], np.bool_)
    weight = columns["weight"].astype(np.float64)
    for name in np.unique(dataset[signal]):
        if name not in expected:
            message = (
                f"simulation {str(name)!r} of {results} has no expected number of decays; known: "
                f"{', '.join(expected) or 'none'}"
            )
            raise InputError(message, code="learning.no-expectation", path=str(name))
        weight[dataset == name] *= expected[name]
    for kind, here in (("simulated signal", signal), ("data", ~signal)):
        if not here.any():
            message = f"{results} has no candidates of {kind}, which the training needs"
            raise InputError(message, code="learning.no-candidates", path=str(results))
    windows = np.array([getattr(made, f"blind_{name}") for name in _CATEGORIES])
    mass, category = columns["mass"], columns["category"].astype(np.int64)
    low, high = windows[category].T
    inside = ~signal & (mass >= low) & (mass <= high)
    if inside.any() or not made.blind:
        message = (
            f"{inside.sum()} candidates of data in {results} are in the signal windows: a "
            "discriminant may know the sidebands alone; run the processor with blind=true"
        )
        raise InputError(message, code="learning.not-blind", path=str(results))
    data = np.unique(dataset[~signal]).tolist()
    check_repeated(candidates, data, results, code="learning.repeated-events")
    matrix = feature_matrix(columns, FEATURES)
    fold = fold_of(columns["run"], columns["lumi"], columns["event"], folds)
    return Sample(
        matrix, signal, weight, mass, category, fold, dataset, made.selection_parameters, windows
    )


def _column(candidates: Any, name: str) -> npt.NDArray[Any]:
    import awkward as ak

    values = candidates[name]
    return np.asarray(values.to_list() if name == "dataset" else ak.to_numpy(values))
