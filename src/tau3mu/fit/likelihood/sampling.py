"""Toy data: what an experiment like the real one could have found, if the model were true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.data import Binned, Unbinned
from tau3mu.fit.data.sample import covered
from tau3mu.fit.likelihood.spectrum import SpectrumFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.language import FitModel, SpectrumModel

__all__ = ["Toys", "entries_of", "measured_again"]

_FINE = 20_000  # parts of the range within which entries are drawn evenly


class Toys:
    """Draws data like given ones: the same bins, or entries in the same ranges."""

    def __init__(
        self,
        model: FitModel,
        values: Mapping[str, Any],
        like: Mapping[str, Binned | Unbinned],
    ) -> None:
        """Calculates what is expected.

        Args:
            model: With all labels and templates read.
            values: Of all parameters; the truth of the toys.
            like: Data whose bins, ranges and mean weights the toys have.
        """
        self._model, self._values, self._like = model, dict(values), like
        self._expected = {
            name: SpectrumFunction(model.parts[name]).expected(values, sample.edges).sum(axis=0)
            for name, sample in like.items()
            if isinstance(sample, Binned)
        }

    def draw(self, generator: np.random.Generator) -> dict[str, Binned | Unbinned]:
        """Returns one set of toy data: numbers with their Poisson fluctuations."""
        return {name: self._one(name, sample, generator) for name, sample in self._like.items()}

    def _one(
        self, name: str, sample: Binned | Unbinned, generator: np.random.Generator
    ) -> Binned | Unbinned:
        # Toys fluctuate like sums of weights: as many as entries of the mean weight.
        weight = sample.mean_weight if sample.weighted else 1.0
        if isinstance(sample, Unbinned):
            part = self._model.parts[name]
            numbers = {c.yield_: self._values[c.yield_] / weight for c in part.components.values()}
            values = entries_of(part, self._values | numbers, generator)
            seen = covered(np.stack([values, values]).T.ravel(), sample.intervals)[::2]
            weights = np.full(int(seen.sum()), weight) if sample.weighted else None
            return Unbinned(values[seen], weights, sample.intervals, int((~seen).sum()))
        contents = weight * generator.poisson(self._expected[name] / weight)
        contents = np.where(sample.used, contents, 0.0)
        return Binned(sample.edges, contents, weight * contents, sample.used)


def entries_of(
    part: SpectrumModel, values: Mapping[str, Any], generator: np.random.Generator
) -> np.ndarray:
    """Returns single entries of a spectrum, a Poisson number of each component, shuffled."""
    edges = np.linspace(*part.observable.range, _FINE + 1)
    function = SpectrumFunction(part)
    shapes = np.clip(function.shapes(values, edges), 0, None)
    found = []
    for name, shape in zip(function.yields, shapes, strict=True):
        number = generator.poisson(values[name])
        cumulative = np.concatenate([[0.0], np.cumsum(shape)])
        drawn = generator.random(number) * cumulative[-1]
        found.append(np.interp(drawn, cumulative, edges))
    entries = np.concatenate(found)
    generator.shuffle(entries)
    return entries


def measured_again(
    model: FitModel, truth: Mapping[str, float], generator: np.random.Generator
) -> FitModel:
    """Returns the model with other results of the measurements behind its constraints."""
    parameters = dict(model.parameters)
    for name, parameter in model.parameters.items():
        if (constraint := parameter.constraint) is None:
            continue
        if constraint.pdf == "normal":
            mean = generator.normal(truth[name], constraint.sigma)
        else:
            mean = truth[name] * math.exp(generator.normal(0, constraint.sigma))
        known = constraint.model_copy(update={"mean": mean})
        parameters[name] = parameter.model_copy(update={"constraint": known})
    return model.model_copy(update={"parameters": parameters})
