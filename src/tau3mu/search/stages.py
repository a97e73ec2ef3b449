"""What each step of a search does: results of the steps before in, files and facts out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.errors import InputError
from tau3mu.search.budget import budget_of, expected_yields
from tau3mu.search.checks import check_datasets_of, check_selected
from tau3mu.search.control import run_control
from tau3mu.search.depends import datasets_of
from tau3mu.search.readings import relative_decays, scored_sample
from tau3mu.search.runs import generated_in, run_in
from tau3mu.search.state import (
    CATEGORIES,
    DISCRIMINANT,
    HALF_WINDOWS,
    MODEL,
    RANGE,
    SCORED,
)
from tau3mu.search.statistics import counting_limit, effects_on_limit, model_content
from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tau3mu.processing import Processor
    from tau3mu.search.state import Search

__all__ = [
    "build_model", "check_datasets", "choose_bins", "processor_of", "run_control", "run_scores",
    "run_selection", "set_limit", "train_discriminant",
]  # fmt: skip

_LEAST: Final = 20  # candidates in the sidebands of a bin: its background is known to a fourth


def check_datasets(search: Search, _: Path) -> dict[str, Any]:
    """Returns what there is to read."""
    config = search.config
    every = {"control": datasets_of(config.control.datasets),
             "search": datasets_of(config.search.datasets)}  # fmt: skip
    check_datasets_of(config, every["control"], every["search"])
    return {
        channel: {
            "files": sum(len(one.files) for one in datasets),
            "lumi": sum(one.lumi or 0.0 for one in datasets if not one.is_mc),
        }
        for channel, datasets in every.items()
    }


def processor_of(search: Search, **more: Any) -> Processor:
    """Returns the processor of the search.

    Args:
        search: The search.
        more: Parameters beside those of the search file.
    """
    from tau3mu.processors import TauTo3Mu

    made: Processor = TauTo3Mu(name=SCORED, **search.config.search.parameters, **more)
    return made


def run_selection(search: Search, folder: Path) -> dict[str, Any]:
    """Selects the candidates that the discriminant is trained with."""
    return _selected(search, folder)


def run_scores(search: Search, folder: Path) -> dict[str, Any]:
    """Selects the candidates again, with their scores."""
    return _selected(search, folder, discriminant_file=str(search.at("training") / DISCRIMINANT))


def _selected(search: Search, folder: Path, **parameters: Any) -> dict[str, Any]:
    processor = processor_of(search, **parameters)
    found = run_in(search, search.config.search.datasets, processor, folder, no_fit=True)
    try:
        check_selected(found[SCORED])
    except InputError:
        shutil.rmtree(folder / "results")  # data that are called simulation are not blind
        raise
    cutflow = found[SCORED].cutflow
    return {
        "generated": generated_in(found, processor),
        "selected": {name: cutflow[name][-1]["events"] for name in cutflow},
    }


def train_discriminant(search: Search, folder: Path) -> dict[str, Any]:
    """Trains the discriminant, and checks it."""
    from tau3mu.learning import sample_of, train, training_pictures

    settings = search.config.training
    sample = sample_of(search.at("selection") / "results", relative_decays(search),
                       processor=SCORED, folds=settings.folds)  # fmt: skip
    training = train(sample, trees=settings.trees, folds=settings.folds, seed=settings.seed)
    training.discriminant.save(folder / DISCRIMINANT)
    training_pictures(training, folder / "plots")
    record = training.discriminant.training
    return {"hash": training.discriminant.hash, "candidates": record["candidates"],
            "checks": record["checks"]}  # fmt: skip


def choose_bins(search: Search, _: Path) -> dict[str, Any]:
    """Chooses the bins of the score in each category."""
    from tau3mu.learning import best_bins

    sample, scores = scored_sample(search)
    inside = (sample.mass > RANGE[0]) & (sample.mass < RANGE[1])
    found = {}
    for number, name in enumerate(CATEGORIES):
        here = inside & (sample.category == number)
        low, high = sample.windows[number]
        window = 2 * HALF_WINDOWS[number]
        scale = window / (RANGE[1] - RANGE[0] - (high - low))
        signal, data = here & sample.signal, here & ~sample.signal
        bins = best_bins(scores[signal], sample.weight[signal], scores[data], scale,
                         bins=search.config.bins, least=_LEAST,
                         seed=search.config.training.seed, where=f"category {name}")  # fmt: skip
        found[name] = {
            "edges": list(bins.edges),
            "significance": bins.significance,
            "one_bin": bins.one_bin,
            "resampled": [float(np.mean(bins.resampled)), float(np.std(bins.resampled))],
            "spread": list(bins.spread),
        }
    return found


def build_model(search: Search, folder: Path) -> dict[str, Any]:
    """Writes the statistical model."""
    content, table, left_out = model_content(search)
    if not table:
        found = ", ".join(f"{one['simulated']} in {name}" for name, one in left_out.items())
        message = (
            f"no bin of {search.folder} has enough simulated candidates of the signal ({found}): "
            "simulate more events, or look at the cutflow of the step scores"
        )
        raise InputError(message, code="search.no-channels", path="search.simulation")
    write_text(folder / MODEL, json_text(content))
    return {
        "channels": table,
        "left_out": left_out,
        "yields": expected_yields(content["nuisances"], table),
        "budget": budget_of(search, content["nuisances"], table),
    }


def set_limit(search: Search, folder: Path) -> dict[str, Any]:
    """Sets the expected limit, and compares it with counting."""
    from tau3mu.limits import limit

    model = search.at("model") / MODEL
    found = limit(model, cl=search.config.cl)
    found.save(folder)
    channels: Iterable[Any] = search.facts["model"]["channels"].values()
    return {
        "expected": {str(n): value for n, value in found.expected.items()},
        "counting": counting_limit(channels, search.config.cl),
        "warnings": list(found.warnings),
        "effects": effects_on_limit(found.compiled.model, search.config.cl),
    }
