"""Models, toys and points at which HS3 files are compared; the same wherever they are made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from limit_models import counting, model, spectrum

from tau3mu.limits import from_table
from tau3mu.limits.compiled import compiled
from tau3mu.limits.engine.likelihood import Data
from tau3mu.limits.engine.points import mass_points, side_by_side
from tau3mu.limits.exchange.hs3 import parameter_names
from tau3mu.limits.observations import observe

__all__ = ["CASES", "R", "case", "named"]

_PEAK = {"yield": 5.0, "mean": 1.777, "sigma": 0.012, "alpha": 1.2, "power": 2.5, "fraction": 0.7,
         "gauss": 0.02}  # fmt: skip
_SHAPES = {
    "flat": [], "exponential": [-1], "power": [-2], "bernstein1": [0.3], "bernstein2": [0.3, -0.2],
    "bernstein3": [0.1, 0.2, 0.3],
}  # fmt: skip
_SIGNALS = {"exponential": _PEAK, "bernstein2": _PEAK | {"fraction": 1.0}}


def families():
    """A channel of each family of backgrounds, templates, and nuisances of all kinds."""
    channels = {}
    for family, starts in _SHAPES.items():
        shape = [{"start": start} for start in starts]
        if family == "exponential":
            shape[0]["constraint"] = {"mean": -1.2, "sigma": 0.4}
        background = {"family": family, "events": {"start": 60}, "shape": shape}
        more = {"signal": _SIGNALS[family]} if family in _SIGNALS else {}
        channels[family] = spectrum(background=background, **more)
    channels["count"] = counting([2, 3.0, 1], [4, 5, 6.5])
    channels["free"] = counting([1.0], [7.0], free=True)
    return model(channels, {
        "eff": {"yield": {"*": 1.1, "count/bkg": 1.2}},
        "acc": {"yield": {"power": [0.8, 1.1], "free/bkg": [0.9, 1.3]}},
        "scale": {"mean": {"[!cf]*": 0.0009}},
        "width": {"width": {"exponential": 0.02, "bernstein2": 0.03}},
        "tilt": {"template": {"count/bkg": {"down": [3, 5, 7.0], "up": [6, 5, 6.0]}}},
    })  # fmt: skip


def public():
    """The public model of 30 channels."""
    return from_table(Path(__file__).parents[1] / "data" / "hf_2017_2018.json")


CASES = {"families": (families, 0.8, 2), "hf_2017_2018": (public, 0.4, 1)}
"""By name: the model, the r of the toys, how many."""
R = (0.0, 1.0)


def case(name):
    """Returns the numbers of a model, its toys, points of parameters, and names in HS3."""
    make, r, toys = CASES[name]
    described = make()
    found = {
        one: observe(one, channel, observed=False, folder=Path())
        for one, channel in described.channels.items()
        if hasattr(channel, "range")
    }
    made = compiled(described, found)
    like, generator = made.likelihood, np.random.default_rng(16)
    truth = like.start.copy()
    truth[0] = r
    names = parameter_names(made)
    points = [truth]
    for _ in range(6):
        point = truth * generator.uniform(0.7, 1.3, like.size)
        n = 1 + len(like.nuisances)
        point[1:n] = generator.normal(size=n - 1)
        points.append(np.clip(point, like.low, like.high))
    return made, [_toy(made, truth, generator) for _ in range(toys)], np.array(points), names


def _toy(made, truth, generator):
    expected, grid = made.asimov(truth), made.grid
    parts = []
    for channel in range(made.likelihood.n_spectra):
        here = grid.channel == channel
        drawn = generator.poisson(expected.spectra[0][here])
        width = grid.weight[here][0]
        masses = np.repeat(grid.x[here], drawn)
        masses = masses + generator.uniform(-width / 2, width / 2, len(masses))
        parts.append(mass_points(masses, 1.8))
    points = side_by_side(parts)
    return Data(
        points, points.counts[None],
        generator.poisson(expected.templates).astype(float),
        generator.normal(size=expected.nuisances.shape), made.centers(1),
    )  # fmt: skip


def named(names, point):
    """Returns the parameters of a point by name."""
    return {name: float(value) for name, value in zip(names, point, strict=True) if name}
