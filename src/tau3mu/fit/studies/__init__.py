"""Studies with fits: toys, trials of the systematics, sWeights, and scans of the likelihood.

- `run_toys` fits toys with known true values: are the values unbiased and the errors right?
- `run_trials` fits the same data in many ways: how much does the result depend on choices?
- `sweights` returns weights that show the distributions of other variables for one component.
- `scan` returns the profile likelihood along one parameter.
- `generate` writes a toy data set into a file.

Toys, trials and scans use the NumPy evaluator of the model; sWeights need zfit.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
