"""What later steps of a search read of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.search.config import constants_of
from tau3mu.search.normalization import Measured, decays, taus_per_ds
from tau3mu.search.state import SCORED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.learning import Sample
    from tau3mu.search.state import Search

__all__ = ["both_ways", "expected_decays", "measured_control", "relative_decays",
           "scored_sample"]  # fmt: skip


def both_ways(names: Iterable[str]) -> list[str]:
    """Returns the names of the variations that there are up and down.

    Args:
        names: Such as `muon_sf_up`.
    """
    known = set(names)
    return sorted(
        name.removesuffix("_up")
        for name in known
        if name.endswith("_up") and f"{name.removesuffix('_up')}_down" in known
    )


def measured_control(search: Search) -> Measured:
    """Returns what the step `control` has measured."""
    facts = search.facts["control"]
    names = Measured.__dataclass_fields__
    return Measured(**{name: facts[name] for name in names})


def expected_decays(search: Search) -> dict[str, float]:
    """Returns the weight of an event of each simulated dataset: decays in data for each one."""
    config = search.config
    numbers = decays(measured_control(search), constants_of(config), config.branching_fraction)
    return _per_event(search, "scores", numbers)


def relative_decays(search: Search) -> dict[str, float]:
    """Returns the same for one D_s, for a training in which only the ratios of them count."""
    return _per_event(search, "selection", taus_per_ds(constants_of(search.config)))


def _per_event(search: Search, step: str, numbers: Mapping[str, float]) -> dict[str, float]:
    generated = search.facts[step]["generated"]
    return {
        dataset: numbers[origin] / generated[dataset]
        for origin, dataset in search.config.search.simulation.items()
    }


def scored_sample(search: Search) -> tuple[Sample, Any]:
    """Returns the candidates with scores, and the scores."""
    import awkward as ak

    from tau3mu.learning import sample_of
    from tau3mu.outputs import load_candidates

    results = search.at("scores") / "results"
    sample = sample_of(results, expected_decays(search), processor=SCORED,
                       folds=search.config.training.folds)  # fmt: skip
    return sample, ak.to_numpy(load_candidates(results / SCORED)["score"])
