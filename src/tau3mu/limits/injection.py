"""Data with a signal in place of those that were observed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.errors import InputError
from tau3mu.limits.toys import draw

if TYPE_CHECKING:
    from tau3mu.limits.compiled import Compiled

__all__ = ["injected"]

_LARGEST: Final = 1e9


def injected(compiled: Compiled, r: float, seed: int | None = None) -> Compiled:
    """Returns the model with data that have a signal.

    Args:
        compiled: The model; its background is that of its sidebands.
        r: The strength of the signal.
        seed: Of a random experiment; by default the data are what is expected (Asimov).

    Raises:
        InputError: r is negative.
    """
    if not 0 <= r <= _LARGEST:
        message = f"expected a signal strength of 0 to {_LARGEST:g}, got {r:g}"
        raise InputError(message, code="limits.wrong-strength", path="inject")
    truth = compiled.likelihood.start.copy()
    truth[0] = r
    if seed is None:
        data = compiled.asimov(truth, coarse=True)
    else:
        data = draw(compiled, truth, 1, np.random.default_rng(seed))
    return replace(compiled, observed=data, injected={"r": r, "seed": seed})
