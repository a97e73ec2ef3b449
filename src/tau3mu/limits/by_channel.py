"""The limits of each channel alone."""

from __future__ import annotations

from dataclasses import replace
from glob import escape
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import InputError
from tau3mu.limits.asymptotic import asymptotic_limits
from tau3mu.limits.compiled import chosen_channels, compiled
from tau3mu.limits.engine.likelihood import Data

if TYPE_CHECKING:
    from tau3mu.limits.asymptotic import Asymptotic
    from tau3mu.limits.compiled import Compiled

__all__ = ["channel_limits"]


def channel_limits(whole: Compiled, cl: float) -> dict[str, Asymptotic | None]:
    """Returns the asymptotic limits of each channel alone; None where it excludes no signal.

    Args:
        whole: The model of all channels with its data.
        cl: The confidence level.

    Raises:
        RunError: A fit does not converge.
    """
    return {name: _alone(whole, name, cl) for name in whole.likelihood.names}


def _alone(whole: Compiled, name: str, cl: float) -> Asymptotic | None:
    made = whole.injected
    observed = whole.observed is not None and made is None
    try:
        chosen = chosen_channels(whole.model, [escape(name)])
        one = compiled(chosen, {name: whole.found.get(name)}, observed=observed)
        if made is not None:
            one = replace(one, observed=_part(whole, one, name), injected=made)
        return asymptotic_limits(one, cl)
    except InputError as error:
        if error.code not in {"limits.no-events", "limits.no-sensitivity"}:
            raise
        return None


def _part(whole: Compiled, one: Compiled, name: str) -> Data:
    """Returns the data of one channel, which were made in the bins of toys."""
    data, like = whole.observed, whole.likelihood
    assert data is not None
    nuisances = [list(like.nuisances).index(each) for each in one.likelihood.nuisances]
    spectra, templates = data.spectra[:, :0], data.templates[:, :0]
    backgrounds = one.centers(1)
    if one.likelihood.spectra:
        assert data.points is not None
        number = like.names.index(name)
        spectra = data.spectra[:, data.points.channel == number]
        backgrounds = data.backgrounds[:, : one.likelihood.n_locals, [number]]
    else:
        assert like.templates is not None
        number = list(like.templates.names).index(name)
        begins = np.cumsum([0, *like.templates.bins])
        templates = data.templates[:, begins[number] : begins[number + 1]]
    return Data(one.coarse, spectra, templates, data.nuisances[:, nuisances], backgrounds)
