"""How uncertain the expected signal is: in channels, in categories, and source by source."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from tau3mu.search.config import constants_of
from tau3mu.search.normalization import sources_of_uncertainty
from tau3mu.search.readings import measured_control

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.search.state import Search

__all__ = ["budget_of", "expected_yields"]

_TEXTS: Final = {
    "muon_sf": "scale factors of muons, what does not cancel",
    "mass_scale": "mass scale",
    "mass_resolution": "mass resolution",
}


def expected_yields(
    nuisances: Mapping[str, Any], channels: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, float]]:
    """Returns what is expected in each channel, in each category of several, and in all.

    Args:
        nuisances: Of the model.
        channels: What each channel was made of.
    """
    groups: dict[str, list[str]] = {}
    for category, members in groupby(channels, key=lambda name: name[0]):
        names = list(members)
        groups |= {name: [name] for name in names}
        if len(names) > 1:
            groups[category] = names
    groups["all"] = list(channels)
    return {
        group: {
            "signal": math.fsum(channels[name]["signal"] for name in names),
            "error": math.hypot(*_changes(nuisances, channels, names).values()),
            "sidebands": sum(channels[name]["sidebands"] for name in names),
            "signal_in_window": math.fsum(channels[name]["in_window"]["signal"] for name in names),
            "background_in_window": math.fsum(
                channels[name]["in_window"]["background"] for name in names
            ),
        }
        for group, names in groups.items()
    }


def budget_of(
    search: Search, nuisances: Mapping[str, Any], channels: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Returns the sources of uncertainty: what the decays follow from, then all other nuisances.

    Args:
        search: The search.
        nuisances: Of the model.
        channels: What each channel was made of.
    """
    found: list[dict[str, Any]] = [
        {"name": one.name, "text": one.text, "value": one.value, "relative": one.relative}
        for one in sources_of_uncertainty(measured_control(search), constants_of(search.config))
    ]
    named = {one["name"] for one in found}
    whole = math.fsum(one["signal"] for one in channels.values())
    for name, change in _changes(nuisances, channels, channels).items():
        if name not in named:
            shape = [abs(one["*"]) for kind, one in nuisances[name].items() if kind != "yield"]
            _, _, channel = name.partition("simulation_")
            text = f"simulation of {channel}, statistics" if channel else _TEXTS.get(name, name)
            relative = max([*shape, abs(change) / whole])
            found.append({"name": name, "text": text, "value": None, "relative": relative})
    return found


def _changes(
    nuisances: Mapping[str, Any], channels: Mapping[str, Mapping[str, Any]], names: Iterable[str]
) -> dict[str, float]:
    """Returns by how much each nuisance changes the sum of the signal of some channels."""
    chosen = list(names)
    return {
        nuisance: math.fsum(
            channels[name]["signal"] * _change(effect.get("yield", {}).get(name, 1.0))
            for name in chosen
        )
        for nuisance, effect in nuisances.items()
    }


def _change(kappa: Any) -> float:
    """Returns the relative change of a yield by one standard deviation of a nuisance."""
    if isinstance(kappa, int | float):
        return float(kappa) - 1
    low, high = kappa
    return float(high - low) / 2
