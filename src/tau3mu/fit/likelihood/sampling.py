"""Toy data: what an experiment like the real one could have found, if the model were true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.data import Binned, Unbinned
from tau3mu.fit.data.sample import covered
from tau3mu.fit.likelihood.spectrum import SpectrumFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.language import FitModel, SpectrumModel

__all__ = ["Toys", "entries_of", "expected_counts", "measured_again"]

_FINE = 20_000  # parts of the range within which entries are drawn evenly
_ROUNDING = 1e-9  # of the largest expectation: less than nothing by this much is rounding


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

        Raises:
            InputError: Negative yields leave less than nothing in a part of the range.
        """
        self._model, self._values, self._like = model, dict(values), like
        self._expected = {
            name: expected_counts(model.parts[name], values, sample.edges, sample.used)
            for name, sample in like.items()
            if isinstance(sample, Binned)
        }
        for name, sample in like.items():
            if isinstance(sample, Unbinned):  # of which draw() would find out later
                _negative_total(model.parts[name], values)

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
    """Returns single entries of a spectrum, a Poisson number of each component, shuffled.

    With negative yields the entries are those of the sum of all components.

    Raises:
        InputError: They leave less than nothing in a part of the range.
    """
    edges = np.linspace(*part.observable.range, _FINE + 1)
    function = SpectrumFunction(part)
    shapes = np.clip(function.shapes(values, edges), 0, None)
    yields = [values[name] for name in function.yields]
    if (total := _negative_total(part, values)) is not None:
        yields, shapes = [total.sum()], total[None, :]
    found = []
    for mean, shape in zip(yields, shapes, strict=True):
        number = generator.poisson(mean)
        cumulative = np.concatenate([[0.0], np.cumsum(shape)])
        drawn = generator.random(number) * cumulative[-1]
        found.append(np.interp(drawn, cumulative, edges))
    entries = np.concatenate(found)
    generator.shuffle(entries)
    return entries


def expected_counts(
    part: SpectrumModel,
    values: Mapping[str, Any],
    edges: np.ndarray,
    used: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the expected numbers of entries between neighboring edges, of all components.

    Args:
        part: The spectrum.
        values: Of all parameters.
        edges: They must span the full range of the observable.
        used: Where they matter; everywhere, if it is not given.

    Raises:
        InputError: It is less than nothing somewhere, so that there are no such data.
    """
    total = np.asarray(SpectrumFunction(part).expected(values, edges).sum(axis=0))
    negative = total < -_ROUNDING * np.abs(total).max()
    if used is not None:
        negative &= used
    if not negative.any():
        return np.asarray(np.maximum(total, 0.0))
    i = int(np.argmin(np.where(negative, total, 0)))
    yields = ", ".join(f"{c.yield_} = {values[c.yield_]:g}" for c in part.components.values())
    message = (
        f"no data can be drawn with {yields}: from {edges[i]:.5g} to {edges[i + 1]:.5g} of "
        f"{part.observable.name}, {total[i]:.3g} entries are expected; a negative yield needs more "
        "of the other components there"
    )
    raise InputError(
        message,
        code="fit.negative-expectation",
        path=part.components[next(iter(part.components))].yield_,
    )


def _negative_total(part: SpectrumModel, values: Mapping[str, Any]) -> np.ndarray | None:
    """Returns what is expected in fine bins if a yield is negative, else None."""
    if min(values[c.yield_] for c in part.components.values()) >= 0:
        return None
    return expected_counts(part, values, np.linspace(*part.observable.range, _FINE + 1))


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
