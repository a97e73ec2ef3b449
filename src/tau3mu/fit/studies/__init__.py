"""Studies with fits: toys, trials of the systematics, sWeights, and scans of the likelihood.

- `run_toys` fits toys with known true values: are the values unbiased and the errors right?
- `run_trials` fits the same data in many ways: how much does the result depend on choices?
- `sweights` returns weights that show the distributions of other variables for one component.
- `scan` returns the profile likelihood along one parameter.
- `generate` writes a toy data set into a file.

Toys, trials and scans use the NumPy evaluator of the model; sWeights need zfit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.fit.studies.generation import generate
    from tau3mu.fit.studies.scans import scan
    from tau3mu.fit.studies.sweights import sweights, write_sweights
    from tau3mu.fit.studies.toy_study import ToyStudy
    from tau3mu.fit.studies.toys import run_toys
    from tau3mu.fit.studies.trial_study import TrialStudy
    from tau3mu.fit.studies.trials import run_trials
    from tau3mu.fit.studies.trials_file import load_trials

__all__ = [
    "ToyStudy",
    "TrialStudy",
    "generate",
    "load_trials",
    "run_toys",
    "run_trials",
    "scan",
    "sweights",
    "write_sweights",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "generation": ["generate"],
        "scans": ["scan"],
        "sweights": ["sweights", "write_sweights"],
        "toy_study": ["ToyStudy"],
        "toys": ["run_toys"],
        "trial_study": ["TrialStudy"],
        "trials": ["run_trials"],
        "trials_file": ["load_trials"],
    },
)
