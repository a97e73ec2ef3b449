"""How much signal is expected, from the D_s of the control channel.

N(τ→3μ from D_s) = N(φπ) / ε(φπ) · B(D_s→τν) / B(D_s→φπ→μμπ) · B(τ→3μ) decays; those from B mesons
follow from the fraction of D_s that come from B. What is selected of them is what the weights of
simulated events add up to.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tau3mu.search.config import Constant

__all__ = ["Measured", "Source", "decays", "sources_of_uncertainty", "taus_per_ds"]


@dataclass(frozen=True)
class Measured:
    """What the control channel says.

    Attributes:
        number: D_s in data, of the fit.
        error: Its uncertainty.
        selected: Weighted D_s that the selection keeps in simulation, of the same fit.
        selected_error: The statistical uncertainty of that.
        generated: D_s that were simulated.
        variations: Relative changes of `selected` by each variation of the weights, down and up.
    """

    number: float
    error: float
    selected: float
    selected_error: float
    generated: float
    variations: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def efficiency(self) -> float:
        """The fraction of D_s that is selected."""
        return self.selected / self.generated

    @property
    def produced(self) -> float:
        """The number of D_s→φπ→μμπ in data, before any selection."""
        return self.number / self.efficiency

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return asdict(self)


def decays(
    measured: Measured, constants: Mapping[str, Constant], fraction: float
) -> dict[str, float]:
    """Returns the expected numbers of τ→3μ decays in data by what the τ come from.

    Args:
        measured: What the control channel says.
        constants: Of the normalization.
        fraction: B(τ→3μ).
    """
    ds = measured.produced / constants["ds_phi_mumu_pi"].value * fraction
    return {origin: ds * number for origin, number in taus_per_ds(constants).items()}


def taus_per_ds(constants: Mapping[str, Constant]) -> dict[str, float]:
    """Returns the number of τ for each D_s in data, by what the τ come from.

    Args:
        constants: Of the normalization.
    """
    value = {name: one.value for name, one in constants.items()}
    of_one_b = value["ds_from_b"] / 2 / value["b_ds"]
    return {
        "ds": value["ds_tau_nu"] * value["d_plus"],
        "bplus": of_one_b * value["bplus_tau"],
        "bzero": of_one_b * value["bzero_tau"] * value["b_s"],
    }


@dataclass(frozen=True)
class Source:
    """A source of uncertainty of the signal.

    Attributes:
        name: Of its nuisance.
        text: What it is.
        value: The central value.
        relative: The relative uncertainty.
        origins: Which part of the signal it changes.
    """

    name: str
    text: str
    value: float
    relative: float
    origins: tuple[str, ...]


def sources_of_uncertainty(measured: Measured, constants: Mapping[str, Constant]) -> list[Source]:
    """Returns what makes the number of decays uncertain.

    Args:
        measured: What the control channel says.
        constants: Of the normalization.
    """
    every, b = ("ds", "bplus", "bzero"), ("bplus", "bzero")
    applied = {
        "ds_phi_mumu_pi": every, "ds_tau_nu": ("ds",), "d_plus": ("ds",), "ds_from_b": b,
        "b_ds": b, "bplus_tau": ("bplus",), "bzero_tau": ("bzero",), "b_s": ("bzero",),
    }  # fmt: skip
    found = [
        Source("ds_yield", "D_s of the control channel, statistics", measured.number,
               measured.error / measured.number, every),
        Source("control_simulation", "efficiency of the control channel, statistics",
               measured.efficiency, measured.selected_error / measured.selected, every),
    ]  # fmt: skip
    for name, origins in applied.items():
        one = constants[name]
        if one.relative_uncertainty > 0:
            found.append(Source(name, one.text, one.value, one.relative_uncertainty, origins))
    return found
