"""Models in HS3, the JSON of statistical models that RooFit and pyhs3 read."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.limits.engine.backgrounds import n_shape_parameters
from tau3mu.limits.exchange.hs3_formulas import bernstein, log_factor, relative, template
from tau3mu.limits.language.model import Counting

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.engine.likelihood import Data

    Array = npt.NDArray[np.float64]

__all__ = ["hs3", "parameter_names"]


def parameter_names(compiled: Compiled) -> list[str]:
    """Returns the names of all parameters in HS3, in the order of the likelihood.

    Parameters of shape that a channel does not use have the name "".

    Args:
        compiled: The model.

    Raises:
        InputError: Two names become one where letters only are allowed.
    """
    like = compiled.likelihood
    names = ["r", *map(_plain, like.nuisances), *map(_plain, like.free)]
    if like.spectra:
        channels = [_plain(name) for name in like.spectra.names]
        names += [f"background_{name}" for name in channels]
        for row in range(like.n_locals - 1):
            names += [
                f"shape{row + 1}_{name}" if row < n_shape_parameters(family) else ""
                for name, family in zip(channels, like.spectra.backgrounds.families, strict=True)
            ]
    known = [name for name in names if name]
    for name in known:
        if known.count(name) > 1:
            message = f"two parameters would have the name {name} in HS3: rename one"
            raise InputError(message, code="limits.listed-twice", path=name)
    return names


def hs3(compiled: Compiled, data: Data) -> dict[str, Any]:
    """Returns the content of a file in HS3: likelihood, data, start values and bounds.

    Spectra are extended mixtures of unbinned masses; bins of templates are Poisson distributions.

    Args:
        compiled: The model.
        data: Of one experiment; bins of spectra become weighted masses at their centers.

    Raises:
        InputError: Two names become one where letters only are allowed.
    """
    like, names = compiled.likelihood, parameter_names(compiled)
    made = _Content()
    for number, name in enumerate(names[1 : 1 + len(like.nuisances)]):
        made.constraint(name, float(data.nuisances[0, number]), 1.0)
    axes: list[dict[str, Any]] = []
    if like.spectra:
        axes += _spectra(made, compiled, data, names)
    if like.templates:
        axes += _templates(made, compiled, data, names)
    bounds = [
        {"name": name, **({"min": float(low)} if np.isfinite(low) else {}),
         **({"max": float(high)} if np.isfinite(high) else {})}
        for name, low, high in zip(names, like.low, like.high, strict=True) if name
    ]  # fmt: skip
    values = [
        {"name": name, "value": float(value)}
        for name, value in zip(names, like.start, strict=True) if name
    ]  # fmt: skip
    values += [{"name": name, "value": value, "const": True} for name, value in made.constants]
    return {
        "metadata": {"hs3_version": "0.2.9",
                     "packages": [{"name": "tau3mu", "version": version("tau3mu")}]},
        "distributions": made.distributions,
        "functions": made.functions,
        "data": made.data,
        "likelihoods": [{
            "name": "likelihood",
            "distributions": made.channels, "data": [one["name"] for one in made.data],
            "aux_distributions": made.constraints,
        }],
        "domains": [
            # RooFit looks here for masses too, and by these names.
            {"name": "default_domain", "type": "product_domain", "axes": [*bounds, *axes]},
        ],
        "parameter_points": [{"name": "default_values", "parameters": values}],
        "analyses": [{
            "name": "analysis", "likelihood": "likelihood", "parameters_of_interest": ["r"],
            "domains": ["default_domain"], "init": "default_values",
        }],
    }  # fmt: skip


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


class _Content:
    """The lists of a file, as they grow."""

    def __init__(self) -> None:
        self.distributions: list[dict[str, Any]] = []
        self.functions: list[dict[str, Any]] = []
        self.data: list[dict[str, Any]] = []
        self.channels: list[str] = []
        self.constraints: list[str] = []
        self.constants: list[tuple[str, float]] = []

    def distribution(self, name: str, kind: str, **more: Any) -> str:
        self.distributions.append({"name": name, "type": kind, **more})
        return name

    def function(self, name: str, expression: str) -> str:
        self.functions.append({"name": name, "type": "generic_function", "expression": expression})
        return name

    def constraint(self, name: str, mean: float, sigma: float) -> None:
        self.constants.append((f"measured_{name}", mean))
        self.constraints.append(self.distribution(
            f"constraint_{name}", "gaussian_dist", x=f"measured_{name}", mean=name, sigma=sigma
        ))  # fmt: skip


def _spectra(
    made: _Content, compiled: Compiled, data: Data, names: list[str]
) -> Iterator[dict[str, Any]]:
    like = compiled.likelihood
    part, points = like.spectra, data.points
    assert part is not None
    assert points is not None
    nuisances = names[1 : 1 + len(like.nuisances)]
    channels = len(part.names)
    x = points.x if points.bins is None else np.add.reduceat(points.x, points.bins) / np.diff(
        np.append(points.bins, len(points.x)))  # fmt: skip
    for number, channel in enumerate(map(_plain, part.names)):
        of_locals = names[like.n_globals + number :: channels]
        low, high = float(part.peaks.low[number]), float(part.peaks.high[number])
        axis = {"name": f"mass_{channel}", "min": low, "max": high}
        yield axis
        factor = log_factor(nuisances, part.effects.up[:, number], part.effects.down[:, number])
        rate = f"r*{float(part.yields[number])!r}" + (f"*exp({factor})" if factor else "")
        made.channels.append(made.distribution(
            f"model_{channel}", "mixture_dist", extended=True,
            summands=[_peak(made, compiled, number, channel, nuisances),
                      _background(made, compiled, number, channel, of_locals)],
            coefficients=[made.function(f"signal_{channel}", rate), of_locals[0]],
        ))  # fmt: skip
        for row, name in enumerate(of_locals):
            if np.isfinite(part.widths[row, number]):
                made.constraint(name, float(data.backgrounds[0, row, number]),
                                float(part.widths[row, number]))  # fmt: skip
        here = (points.bin_channel == number) & (data.spectra[0] > 0)
        weights = data.spectra[0][here]
        made.data.append({
            "name": f"data_{channel}", "type": "unbinned", "axes": [axis],
            "entries": [[float(one)] for one in x[here]],
            **({} if (weights == 1).all() else {"weights": weights.tolist()}),
        })  # fmt: skip


def _peak(
    made: _Content, compiled: Compiled, number: int, channel: str, nuisances: list[str]
) -> str:
    part = compiled.likelihood.spectra
    assert part is not None
    peaks, x = part.peaks, f"mass_{channel}"
    fraction = float(peaks.fraction[number])

    def constant(key: str) -> str:  # pyhs3 wants names where RooFit takes numbers too
        made.constants.append((f"{key}_{channel}", float(getattr(peaks, key)[number])))
        return f"{key}_{channel}"

    mean = made.function(
        f"mean_{channel}",
        relative(float(peaks.mean[number]), nuisances, part.on_mean[:, number]),
    )
    wide = part.on_width[:, number]
    gauss = float(peaks.gauss[number])
    if fraction == 0:
        width = made.function(f"width_{channel}", relative(gauss, nuisances, wide))
        return made.distribution(f"peak_{channel}", "gaussian_dist", x=x, mean=mean, sigma=width)
    width = made.function(f"width_{channel}", relative(float(peaks.sigma[number]), nuisances, wide))
    ball = made.distribution(
        f"ball_{channel}", "crystalball_dist", m=x, m0=mean, sigma=width,
        alpha=constant("alpha"), n=constant("power"),
    )  # fmt: skip
    if fraction == 1:
        return ball
    core = made.distribution(f"gauss_{channel}", "gaussian_dist", x=x, mean=mean, sigma=gauss)
    return made.distribution(
        f"peak_{channel}", "mixture_dist", summands=[ball, core], extended=False,
        coefficients=[constant("fraction")],
    )  # fmt: skip


def _background(
    made: _Content, compiled: Compiled, number: int, channel: str, of_locals: list[str]
) -> str:
    part = compiled.likelihood.spectra
    assert part is not None
    backgrounds, name, x = part.backgrounds, f"bkg_{channel}", f"mass_{channel}"
    family = backgrounds.families[number]
    low, high = float(backgrounds.low[number]), float(backgrounds.high[number])
    if family == "flat":
        return made.distribution(name, "uniform_dist", x=[x])
    if family == "exponential":  # HS3 has e^(−cx)
        decay = made.function(f"decay_{channel}", f"-{of_locals[1]}")
        return made.distribution(name, "exponential_dist", x=x, c=decay)
    if family == "power":  # scaled, so that numbers stay near 1
        middle = (low + high) / 2
        return made.distribution(name, "generic_dist",
                                 expression=f"exp({of_locals[1]}*log({x}/{middle!r}))")  # fmt: skip
    order = n_shape_parameters(family)
    return made.distribution(
        name, "generic_dist", expression=bernstein(x, low, high, of_locals[1 : 1 + order])
    )


def _templates(
    made: _Content, compiled: Compiled, data: Data, names: list[str]
) -> Iterator[dict[str, Any]]:
    like = compiled.likelihood
    part = like.templates
    assert part is not None
    nuisances = names[1 : 1 + len(like.nuisances)]
    free = names[1 + len(like.nuisances) : like.n_globals]
    begins = np.cumsum([0, *part.bins])
    for number, (whole, bins) in enumerate(zip(part.names, part.bins, strict=True)):
        channel, described = _plain(whole), compiled.model.channels[whole]
        assert isinstance(described, Counting)
        factors: dict[int, str] = {}
        for process, called in zip(
            np.nonzero(part.channel == number)[0], described.processes, strict=True
        ):
            of_process = log_factor(
                nuisances, part.effects.up[:, process], part.effects.down[:, process]
            )
            words = ["r"] if part.signal[process] else []
            words += [free[part.free[process]]] if part.free[process] >= 0 else []
            words += [f"exp({of_process})"] if of_process else []
            factors[int(process)] = made.function(
                f"factor_{channel}_{_plain(called)}", "*".join(words or ["1.0"])
            )
        counts = data.templates[0][begins[number] : begins[number + 1]]
        of_bins, axes = [], []
        for one in range(bins):
            terms = [
                f"{factor}*{template(part, process, one, nuisances)}"
                for process, factor in factors.items()
            ]
            mean = made.function(f"expected_{channel}_{one}", "+".join(terms))
            axis = {"name": f"count_{channel}_{one}", "min": 0.0,
                    "max": float(max(1e3, 100 * counts[one]))}  # fmt: skip
            axes.append(axis)
            of_bins.append(made.distribution(f"bin_{channel}_{one}", "poisson_dist",
                                             x=axis["name"], mean=mean, integer=False))  # fmt: skip
        yield from axes
        made.channels.append(made.distribution(f"model_{channel}", "product_dist", factors=of_bins))
        made.data.append({"name": f"data_{channel}", "type": "unbinned", "axes": axes,
                          "entries": [counts.tolist()]})  # fmt: skip
