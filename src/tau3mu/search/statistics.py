"""The statistical model of a search, and rough checks of its limit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.search.config import constants_of
from tau3mu.search.normalization import sources_of_uncertainty
from tau3mu.search.peaks import peak_of
from tau3mu.search.readings import both_ways, measured_control, scored_sample
from tau3mu.search.state import CATEGORIES, HALF_WINDOWS, RANGE, SCORED

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from tau3mu.limits import LimitModel
    from tau3mu.search.state import Search

__all__ = ["counting_limit", "effects_on_limit", "model_content"]

_MASS_SCALE: Final = 0.0009
_MASS_RESOLUTION: Final = 0.02
_FEWEST: Final = 20  # simulated candidates of a channel
_SMALLEST: Final = 1e-6  # relative uncertainty that is worth a nuisance


def model_content(search: Search) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Returns the content of the model file, what each channel was made of, and what is left out.

    Args:
        search: A search whose candidates have scores and bins.

    Returns:
        Bins with fewer than 20 simulated candidates are no channels, but in the last table.
    """
    sample, scores = scored_sample(search)
    origins = {dataset: str(name) for name, dataset in search.config.search.simulation.items()}
    variations = _variations(search)
    channels: dict[str, Any] = {}
    table: dict[str, Any] = {}
    left_out: dict[str, Any] = {}
    nuisances: dict[str, Any] = {
        "mass_scale": {"mean": {"*": _MASS_SCALE}},
        "mass_resolution": {"width": {"*": _MASS_RESOLUTION}},
    }
    measured = measured_control(search)
    sources = sources_of_uncertainty(measured, constants_of(search.config))
    results = os.path.relpath(search.at("scores") / "results", search.at("model"))
    inside = (sample.mass > RANGE[0]) & (sample.mass < RANGE[1])
    for number, letter in enumerate(CATEGORIES):
        edges = [*search.facts["bins"][letter]["edges"], np.inf]
        window = sample.windows[number]
        for k in range(len(edges) - 1):
            name = f"{letter}{len(edges) - 1 - k}"  # 1 is the purest
            here = inside & (sample.category == number)
            here &= (scores >= edges[k]) & (scores < edges[k + 1])
            signal, data = here & sample.signal, here & ~sample.signal
            weight = sample.weight[signal]
            expected = float(weight.sum())
            counts = {"signal": expected, "simulated": int(signal.sum()),
                      "sidebands": int(data.sum())}  # fmt: skip
            if signal.sum() < _FEWEST:
                left_out[name] = counts
                continue
            cut = f"category == {number} and score >= {edges[k]!r}"
            if np.isfinite(edges[k + 1]):
                cut += f" and score < {edges[k + 1]!r}"
            channels[name] = {
                "range": list(RANGE),
                "windows": [window.tolist()],
                "signal": {"yield": expected, **peak_of(sample.mass[signal], weight)},
                "background": {"family": "exponential", "shape": [{"start": -1.0}]},
                "data": {"results": results, "processor": SCORED, "column": "mass",
                         "cut": cut},
            }  # fmt: skip
            parts: dict[str, float] = {
                origin: float(weight[sample.dataset[signal] == dataset].sum()) / expected
                for dataset, origin in origins.items()
            }
            for source in sources:
                share = sum(parts.get(origin, 0.0) for origin in source.origins)
                _add(nuisances, source.name, name, 1 + source.relative * share)
            error = float(np.sqrt((weight**2).sum())) / expected
            _add(nuisances, f"simulation_{name}", name, 1 + error)
            for variation, ways in variations.items():
                moved = [float((weight * way[signal]).sum()) / expected for way in ways]
                reference = measured.variations.get(variation, (0.0, 0.0))
                ratios = [one / (1 + other) for one, other in zip(moved, reference, strict=True)]
                _add(nuisances, variation, name, ratios)
            width = HALF_WINDOWS[number]
            near = np.abs(sample.mass - 1.777) < width
            sidebands = RANGE[1] - RANGE[0] - float(np.ptp(window))
            table[name] = {
                **counts,
                "origins": parts,
                "in_window": {
                    "signal": float(sample.weight[signal & near].sum()),
                    "background": float(data.sum() * 2 * width / sidebands),
                },
            }
    scale = search.config.branching_fraction
    content = {
        "schema_version": 1,
        "title": search.config.title,
        "strength": {"unit": f"B(τ→3μ) = {scale:g}", "scale": scale, "label": "B(τ→3μ)"},
        "channels": channels,
        "nuisances": nuisances,
    }
    return content, table, left_out


def _add(nuisances: dict[str, Any], name: str, channel: str, kappa: Any) -> None:
    if np.all(np.abs(np.asarray(kappa) - 1) < _SMALLEST):
        return
    nuisances.setdefault(name, {}).setdefault("yield", {})[channel] = kappa


def _variations(search: Search) -> dict[str, list[npt.NDArray[np.float64]]]:
    """Returns for each variation of the weights those of all candidates, down and up, over 1."""
    import awkward as ak

    from tau3mu.outputs import load_candidates

    candidates = load_candidates(search.at("scores") / "results" / SCORED)
    known = [one.removeprefix("weight_") for one in candidates.fields if one.startswith("weight_")]
    nominal = ak.to_numpy(candidates["weight"])
    return {
        name: [
            np.divide(ak.to_numpy(candidates[f"weight_{name}_{way}"]), nominal,
                      out=np.ones(len(nominal)), where=nominal != 0)
            for way in ("down", "up")
        ]
        for name in both_ways(known)
    }  # fmt: skip


def counting_limit(channels: Iterable[Any], cl: float) -> float:
    """Returns the expected limit of r of counting in windows: z / √Σ s²/b with z of one side.

    Args:
        channels: With `in_window`, the expected signal and background.
        cl: The confidence level.
    """
    from statistics import NormalDist

    sum_of_squares = sum(
        one["in_window"]["signal"] ** 2 / max(one["in_window"]["background"], 1e-9)
        for one in channels
    )
    # CLs doubles the tail where no signal is expected.
    return float(NormalDist().inv_cdf(1 - (1 - cl) / 2) / np.sqrt(sum_of_squares))


def effects_on_limit(model: LimitModel, cl: float) -> dict[str, float]:
    """Returns by how much the expected limit would be lower without each nuisance, relatively.

    Args:
        model: The model; the paths of its data are absolute.
        cl: The confidence level.
    """
    from tau3mu.limits.asymptotic import asymptotic_limits
    from tau3mu.limits.limiting import prepared

    def expected(one: LimitModel) -> float:
        return float(asymptotic_limits(prepared(one)[0], cl).expected[0])

    whole = expected(model)
    return {
        name: 1 - expected(model.model_copy(update={
            "nuisances": {k: v for k, v in model.nuisances.items() if k != name}})) / whole
        for name in model.nuisances
    }  # fmt: skip
