"""Models as workspaces of pyhf, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.limits.exchange.binned import binned, lost_in_bins

if TYPE_CHECKING:
    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.exchange.binned import Sample

__all__ = ["lost_in_pyhf", "pyhf_workspace"]


def lost_in_pyhf(compiled: Compiled) -> list[str]:
    """Returns what a workspace of pyhf does not hold of a model, in words.

    Args:
        compiled: The model.
    """
    interpolation = (
        "factors κ^θ are interpolated by a polynomial below one standard deviation unless pyhf is "
        "told otherwise: modifier_settings={'normsys': {'interpcode': 'code1'}}"
    )
    return [*lost_in_bins(compiled), interpolation]


def pyhf_workspace(compiled: Compiled) -> dict[str, Any]:
    """Returns the content of a workspace.

    Args:
        compiled: The model.
    """
    channels = binned(compiled)
    bounds: dict[str, tuple[float, float]] = {}
    for channel in channels:
        for sample in channel.samples:
            if sample.factor is not None:
                bounds[sample.factor] = sample.bounds
    return {
        "version": "1.0.0",
        "channels": [
            {"name": one.name, "samples": [_sample(part) for part in one.samples]}
            for one in channels
        ],
        "observations": [{"name": one.name, "data": one.observed.tolist()} for one in channels],
        "measurements": [{
            "name": "measurement",
            "config": {
                "poi": "r",
                "parameters": [
                    {"name": "r", "inits": [compiled.model.strength.start],
                     "bounds": [[0.0, 100 * compiled.model.strength.start]]},
                    *({"name": name, "inits": [1.0], "bounds": [list(pair)]}
                      for name, pair in bounds.items()),
                ],
            },
        }],
    }  # fmt: skip


def _sample(sample: Sample) -> dict[str, Any]:
    factors = (["r"] if sample.signal else []) + ([sample.factor] if sample.factor else [])
    modifiers: list[dict[str, Any]] = [
        {"name": factor, "type": "normfactor", "data": None} for factor in factors
    ]
    for name, (down, up) in sample.rates.items():
        modifiers.append({"name": name, "type": "normsys", "data": {"lo": down, "hi": up}})
    for name, (low, high) in sample.moved.items():
        data = {"lo_data": low.tolist(), "hi_data": high.tolist()}
        modifiers.append({"name": name, "type": "histosys", "data": data})
    return {"name": sample.name, "data": sample.counts.tolist(), "modifiers": modifiers}
