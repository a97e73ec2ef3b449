"""The background families of each channel by F-tests on what is read of the data while blind.

The order of the Bernstein polynomial is raised as long as that lowers −2 ln L by more than chance
would: p < 0.1 for one more parameter. A channel then has an exponential, a power law and the
polynomial of that order, besides the family of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import chi2

from tau3mu.errors import InputError
from tau3mu.limits.compiled import background_data, compiled
from tau3mu.limits.engine.backgrounds import FAMILIES, n_shape_parameters
from tau3mu.limits.engine.minimize import minimize
from tau3mu.limits.language.model import LimitModel, Spectrum
from tau3mu.limits.limiting import prepared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from tau3mu.limits.observations import Observation

    Array = npt.NDArray[np.float64]

__all__ = ["FamilyFit", "choose_families"]

_P: Final = 0.1
_TESTED: Final = tuple(one for one in FAMILIES if one != "flat")


@dataclass(frozen=True)
class FamilyFit:
    """The fit of a family to the sidebands of a channel.

    Attributes:
        channel: Its name.
        family: The family.
        nll: −ln L, over that of the best family of the channel.
        p_value: That one parameter fewer is enough, of Bernstein polynomials above the first.
        kept: Whether the channel keeps the family.
    """

    channel: str
    family: str
    nll: float
    p_value: float | None
    kept: bool


def choose_families(model: LimitModel | str | Path) -> tuple[LimitModel, list[FamilyFit]]:
    """Returns a model with the families of each channel in `others`, and the fits they are from.

    Signal windows are not read. Channels of which no masses or bins are read stay as they are.

    Args:
        model: The model or its file.

    Raises:
        InputError: The model or its data cannot be read, or no channel has data in sidebands.
    """
    numbers, _, _ = prepared(model)
    found = {name: one for name, one in numbers.found.items() if one is not None and one.entries
             and one.total is None}  # fmt: skip
    if not found:
        message = (
            "no channel has data outside of its windows: families are chosen by masses or "
            "histograms, of channels with windows"
        )
        raise InputError(message, code="limits.no-sidebands", path="channels")
    whole = numbers.model
    values = {family: _values(whole, numbers.found, family) for family in _TESTED}
    channels, fits = dict(whole.channels), []
    for name in found:
        one = channels[name]
        assert isinstance(one, Spectrum)
        of_channel = _fits(name, {family: value[name] for family, value in values.items()
                                  if family != "power" or one.range[0] > 0})  # fmt: skip
        fits += of_channel
        others = tuple(fit.family for fit in of_channel
                       if fit.kept and fit.family != one.background.family)  # fmt: skip
        background = one.background.model_copy(update={"others": others})
        channels[name] = one.model_copy(update={"background": background})
    return whole.model_copy(update={"channels": channels}), fits


def _values(
    model: LimitModel, found: Mapping[str, Observation | None], family: str
) -> dict[str, float]:
    """Returns −ln L of all spectra with a family; a power law only where the range allows it."""
    spectra = {n: one for n, one in model.channels.items() if isinstance(one, Spectrum)}
    families = {
        name: "flat" if family == "power" and one.range[0] <= 0 else family
        for name, one in spectra.items()
    }
    made = compiled(model, found, families=families)
    like, (data, _) = made.likelihood, background_data(made)
    fixed = np.zeros(like.size, bool)
    fixed[: like.n_globals] = True
    best = minimize(like, data, like.start[None], fixed=fixed)
    every = like.per_channel(best.parameters, data)[0]
    return dict(zip(spectra, every[: like.n_spectra].tolist(), strict=True))


def _fits(channel: str, values: Mapping[str, float]) -> list[FamilyFit]:
    lowest, order, testing, p_values = min(values.values()), 1, True, {}
    orders = [one for one in values if one.startswith("bernstein")]
    for before, family in pairwise(orders):
        p_values[family] = float(chi2.sf(2 * max(values[before] - values[family], 0.0), 1))
        testing = testing and p_values[family] < _P
        order += testing
    return [
        FamilyFit(
            channel, family, value - lowest, p_values.get(family),
            family not in orders or n_shape_parameters(family) == order,
        )
        for family, value in values.items()
    ]  # fmt: skip
