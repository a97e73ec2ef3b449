"""From a model file and its data to numbers: the likelihood, and data for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.limits.engine.backgrounds import (
    FAMILIES,
    Backgrounds,
    Choices,
    n_shape_parameters,
    shape_bounds,
)
from tau3mu.limits.engine.effects import Effects
from tau3mu.limits.engine.likelihood import Data, Likelihood
from tau3mu.limits.engine.minimize import minimize
from tau3mu.limits.engine.peaks import Peaks
from tau3mu.limits.engine.points import Points, bin_points, grid, mass_points, side_by_side
from tau3mu.limits.engine.spectra import Spectra
from tau3mu.limits.engine.templates import Morph, Templates
from tau3mu.limits.language.model import Counting, LimitModel, Spectrum, matching

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.limits.language.parts import Process
    from tau3mu.limits.observations import Observation

    Array = npt.NDArray[np.float64]

__all__ = ["Compiled", "background_data", "chosen_channels", "compiled"]

_THETA: Final = 8.0  # bounds of nuisances, in their widths
_FINE: Final = 1e-3, 0.25
_COARSE: Final = 5e-3, 1.0
"""Bins of Asimov data and of toys: their largest width in GeV, and in widths of the narrowest peak.

They are taken at their centers. The sum over bins as wide as a Gaussian is its integral to 5e-9."""
_MOST_NORM: Final = 1e3


@dataclass(frozen=True)
class Compiled:
    """A model as numbers.

    Attributes:
        model: The model, of the chosen channels.
        likelihood: −ln L; its start has the background of the data, or of the model.
        grid: Bins in which Asimov data of spectra are made; None without spectra.
        coarse: Bins in which toys are made and fitted; None without spectra.
        observed: What was observed, with the signal windows; None if that was not read.
        sidebands: Which spectra have a background that was fitted to their sidebands.
        found: What was read of the data of each spectrum.
        injected: What the observed data are if they were made: `{"r": …, "seed": …}`.
    """

    model: LimitModel
    likelihood: Likelihood
    grid: Points | None
    coarse: Points | None
    observed: Data | None
    sidebands: tuple[str, ...] = ()
    found: Mapping[str, Observation | None] = field(default_factory=dict)
    injected: Mapping[str, Any] | None = None

    def asimov(self, parameters: Array, *, coarse: bool = False) -> Data:
        """Returns data that are what the parameters expect, in one experiment.

        Args:
            parameters: One set.
            coarse: Whether they are in the bins of toys.
        """
        like, sets = self.likelihood, parameters[None]
        spectra, points = np.zeros((1, 0)), self.coarse if coarse else self.grid
        if like.spectra:
            assert points is not None
            spectra = like.spectra.expected(points, sets[:, 0], like.theta(sets), like.locals(sets))
        globals_ = sets[:, : like.n_globals]
        templates = like.templates.expected(globals_) if like.templates else np.zeros((1, 0))
        return Data(points, spectra, templates, like.theta(sets), self.centers(1))

    def centers(self, times: int) -> Array:
        """Returns the measured values of constrained background parameters, for experiments."""
        spectra = self.likelihood.spectra
        shape = (0, 0) if spectra is None else spectra.centers.shape
        centers = np.zeros(shape) if spectra is None else spectra.centers
        return np.broadcast_to(centers, (times, *shape))


def chosen_channels(model: LimitModel, patterns: Sequence[str]) -> LimitModel:
    """Returns a model of some of the channels, with the nuisances that act on them.

    Args:
        model: The whole model.
        patterns: Names or patterns, such as `hf_3glb_*_2018`; all channels if there is none.

    Raises:
        InputError: A pattern stands for no channel.
    """
    if not patterns:
        return model
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in model.channels):
            message = f"there is no channel {pattern!r}{suggest(pattern, model.channels)}"
            raise InputError(message, code="limits.unknown-channel", path=pattern)
    channels = {
        name: one
        for name, one in model.channels.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    known = [*channels, *_processes(channels)]
    nuisances = {}
    for name, nuisance in model.nuisances.items():
        left = {
            key: {pattern: effect for pattern, effect in getattr(nuisance, key).items()
                  if matching(pattern, known)}
            for key in ("rate", "mean", "width", "template")
        }  # fmt: skip
        if any(left.values()):
            nuisances[name] = nuisance.model_copy(update=left)
    return model.model_copy(update={"channels": channels, "nuisances": nuisances})


def compiled(
    model: LimitModel,
    observations: Mapping[str, Observation | None],
    *,
    families: Mapping[str, str] | None = None,
    observed: bool = False,
) -> Compiled:
    """Returns a model as numbers, with backgrounds that start from the data that were read.

    Args:
        model: The model.
        observations: The data of each spectrum; see `observe`.
        families: Background families by channel in place of those of the model and its others.
        observed: Whether the observed data of all channels are used.

    Raises:
        InputError: No channel expects any event.
    """
    spectra = {n: one for n, one in model.channels.items() if isinstance(one, Spectrum)}
    counting = {n: one for n, one in model.channels.items() if isinstance(one, Counting)}
    nuisances = list(model.nuisances)
    free = _free(counting)
    chosen = {n: (families or {}).get(n, one.background.family) for n, one in spectra.items()}
    listed = {n: () if families and n in families else one.background.others
              for n, one in spectra.items()}  # fmt: skip
    part = _spectra(model, spectra, chosen, listed) if spectra else None
    templates = _templates(model, counting, list(free)) if counting else None
    start, low, high = _parameters(model, spectra, chosen, observations, part, free)
    like = Likelihood(nuisances, list(free), part, templates, start, low, high)
    fine, coarse = (_grid(spectra, *of) if spectra else None for of in (_FINE, _COARSE))
    made = Compiled(model, like, fine, coarse, None, found=observations)
    if part is not None:
        made = _with_sidebands(made)
    if _nothing(made):
        message = "no channel expects an event: there is no signal, or no background"
        raise InputError(message, code="limits.no-events", path="channels")
    if observed:
        made = replace(made, observed=_observed(made, spectra, counting, observations))
    return made


def _nothing(made: Compiled) -> bool:
    like = made.likelihood
    signal = (like.spectra.yields.sum() if like.spectra else 0) + (
        sum(counts.sum() for counts, one in zip(like.templates.counts, like.templates.signal,
                                                strict=True) if one)
        if like.templates else 0
    )  # fmt: skip
    data = made.asimov(like.start)
    return not signal > 0 or not data.spectra.sum() + data.templates.sum() > 0


def _spectra(
    model: LimitModel, channels: Mapping[str, Spectrum], families: Mapping[str, str],
    others: Mapping[str, Sequence[str]],
) -> Spectra:  # fmt: skip
    names = list(channels)
    low = np.array([one.range[0] for one in channels.values()])
    high = np.array([one.range[1] for one in channels.values()])
    signal = [one.signal for one in channels.values()]
    alone = np.array([one.fraction is None for one in signal])

    def of(key: str, otherwise: float) -> Array:
        values = [getattr(one, key) for one in signal]
        return np.array([otherwise if one is None else one for one in values], np.float64)

    sigma = of("sigma", 1.0)
    peaks = Peaks(
        low, high, of("mean", 0.0), sigma, of("alpha", 1.0), of("power", 2.0),
        np.where(alone, 0.0, of("fraction", 0.0)), np.where(alone, sigma, of("gauss", 1.0)),
    )  # fmt: skip
    choices = _choices(channels, families, others) if any(others.values()) else None
    backgrounds = Backgrounds([families[name] for name in names], low, high, choices)
    shape = (1 + backgrounds.size, len(names))
    centers, widths = np.zeros(shape), np.full(shape, np.inf)
    for column, one in enumerate(channels.values()):
        same = families[names[column]] == one.background.family
        parts = [one.background.events, *(one.background.shape if same else ())]
        for row, parameter in enumerate(parts):
            if parameter is not None and parameter.constraint is not None:
                centers[row, column] = parameter.constraint.mean
                widths[row, column] = parameter.constraint.sigma
    return Spectra(
        names, peaks, backgrounds, np.array([one.signal_yield for one in signal]),
        _effects(model, names), _relative(model, names, "mean"), _relative(model, names, "width"),
        centers, widths,
    )  # fmt: skip


def _choices(
    channels: Mapping[str, Spectrum], families: Mapping[str, str],
    others: Mapping[str, Sequence[str]],
) -> Choices:  # fmt: skip
    """Returns the families among which fits choose, and where their parameters may be."""
    listed = {name: (families[name], *others[name]) for name in channels}
    size = max(1, *(n_shape_parameters(one) for every in listed.values() for one in every))
    allowed = np.zeros((len(FAMILIES), len(channels)), bool)
    start, low, high = (np.zeros((len(FAMILIES), size, len(channels))) for _ in range(3))
    for column, (name, channel) in enumerate(channels.items()):
        for family in listed[name]:
            code = FAMILIES.index(family)
            allowed[code, column] = True
            for row, part in enumerate(_shape(channel, family)):
                start[code, row, column], low[code, row, column], high[code, row, column] = part
    return Choices(allowed, start, low, high)


def _shape(channel: Spectrum, family: str) -> list[tuple[float, float, float]]:
    """Returns the start and the bounds of the parameters of shape of a family."""
    shapes = channel.background.shape if family == channel.background.family else ()
    found = []
    for row in range(n_shape_parameters(family)):
        given = shapes[row] if row < len(shapes) else None
        low, high = (given.bounds if given else None) or shape_bounds(family)
        found.append((min(max(given.start if given else 0.0, low), high), low, high))
    return found


def _effects(model: LimitModel, targets: Sequence[str]) -> Effects:
    """Returns the effects on rates of channels or processes."""
    up = np.zeros((len(model.nuisances), len(targets)))
    down = np.zeros_like(up)
    for row, nuisance in enumerate(model.nuisances.values()):
        for pattern, kappa in nuisance.rate.items():
            for name in matching(pattern, list(targets)):
                column = targets.index(name)
                pair = kappa if isinstance(kappa, tuple) else (1 / kappa, kappa)
                down[row, column] += -np.log(pair[0])
                up[row, column] += np.log(pair[1])
    return Effects(up, down)


def _relative(model: LimitModel, names: Sequence[str], key: str) -> Array:
    found = np.zeros((len(model.nuisances), len(names)))
    for row, nuisance in enumerate(model.nuisances.values()):
        for pattern, shift in getattr(nuisance, key).items():
            for name in matching(pattern, list(names)):
                found[row, names.index(name)] += shift
    return found


def _processes(channels: Mapping[str, Any]) -> list[str]:
    return [f"{name}/{process}" for name, one in channels.items() if isinstance(one, Counting)
            for process in one.processes]  # fmt: skip


def _factor(target: str, part: Process) -> str | None:
    """Returns the name of the free factor of a process, None if it has none."""
    return part.free if isinstance(part.free, str) else f"norm_{target}" if part.free else None


def _free(channels: Mapping[str, Counting]) -> dict[str, tuple[float, float]]:
    """Returns the bounds of the free factors by name."""
    found: dict[str, tuple[float, float]] = {}
    for name, one in channels.items():
        for process, part in one.processes.items():
            factor = _factor(f"{name}/{process}", part)
            if factor is not None:
                low, high = part.bounds or (0.0, _MOST_NORM)
                found[factor] = max(low, 1 / _MOST_NORM), high  # derivatives divide by it
    return found


def _templates(
    model: LimitModel, channels: Mapping[str, Counting], free: Sequence[str]
) -> Templates:
    targets, numbers = _processes(channels), {name: n for n, name in enumerate(channels)}
    parts = [part for one in channels.values() for part in one.processes.values()]
    counts = [np.array(part.counts, np.float64) for part in parts]
    # A channel alone stands for its signal.
    signals = {
        name: [f"{name}/{process}" for process, part in one.processes.items() if part.signal]
        for name, one in channels.items()
    }
    effects = _effects(model, targets)
    whole = _effects(model, list(channels))
    morphs = []
    for column, (target, part) in enumerate(zip(targets, parts, strict=True)):
        channel = target.partition("/")[0]
        if target in signals[channel]:
            effects.up[:, column] += whole.up[:, numbers[channel]]
            effects.down[:, column] += whole.down[:, numbers[channel]]
        for row, nuisance in enumerate(model.nuisances.values()):
            for pattern, moved in nuisance.template.items():
                if target not in matching(pattern, [target]):
                    continue
                nominal, down, up = (np.array(one) for one in (part.counts, moved.down, moved.up))
                if not (nominal.sum() > 0 and down.sum() > 0 and up.sum() > 0):
                    continue
                # Rates are log-normal factors, what is left are shapes of the nominal rate.
                effects.up[row, column] += np.log(up.sum() / nominal.sum())
                effects.down[row, column] += -np.log(down.sum() / nominal.sum())
                up, down = up * nominal.sum() / up.sum(), down * nominal.sum() / down.sum()
                if not (np.allclose(up, nominal) and np.allclose(down, nominal)):
                    morphs.append(Morph(row, column, (up - down) / 2, (up + down) / 2 - nominal))
    index = {name: number for number, name in enumerate(free)}
    return Templates(
        list(channels), [one.bins for one in channels.values()],
        np.array([numbers[target.partition("/")[0]] for target in targets]),
        np.array([part.signal for part in parts]),
        np.array([index.get(_factor(target, part) or "", -1)
                  for target, part in zip(targets, parts, strict=True)]),
        counts, effects, len(model.nuisances), morphs,
    )  # fmt: skip


def _parameters(
    model: LimitModel, channels: Mapping[str, Spectrum], families: Mapping[str, str],
    observations: Mapping[str, Observation | None], spectra: Spectra | None,
    free: Mapping[str, tuple[float, float]],
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Returns where fits start and the bounds of all parameters."""
    n_nuisances = len(model.nuisances)
    start = [0.0] + [0.0] * n_nuisances + [1.0] * len(free)
    low = [0.0] + [-_THETA] * n_nuisances + [one for one, _ in free.values()]
    high = [np.inf] + [_THETA] * n_nuisances + [one for _, one in free.values()]
    size = 0 if spectra is None else spectra.backgrounds.size
    values, lows, highs = (np.zeros((1 + size, len(channels))) for _ in range(3))
    for column, (name, one) in enumerate(channels.items()):
        events = one.background.events
        known = observations.get(name)
        total = known.entries if known is not None and not known.sidebands else None
        values[0, column] = events.start if events else (total or 0.0)
        bounds = events.bounds if events else None
        lows[0, column], highs[0, column] = bounds or (0.0, np.inf)
        for row, part in enumerate(_shape(one, families[name]), start=1):
            values[row, column], lows[row, column], highs[row, column] = part
    if spectra is not None and (choices := spectra.backgrounds.choices) is not None:
        values[-1] = spectra.backgrounds.codes
        lows[1:-1], highs[1:-1] = choices.low.min(axis=0), choices.high.max(axis=0)
        lows[-1], highs[-1] = 0, len(FAMILIES) - 1
    return (
        np.concatenate([start, values.ravel()]),
        np.concatenate([low, lows.ravel()]),
        np.concatenate([high, highs.ravel()]),
    )


def _narrowest(channel: Spectrum) -> float:
    return channel.signal.narrowest


def _grid(channels: Mapping[str, Spectrum], widest: float, of_peak: float) -> Points:
    parts = []
    for one in channels.values():
        edges = grid(*one.range, min(widest, of_peak * _narrowest(one)))
        parts.append(bin_points(edges, np.zeros(len(edges) - 1), np.inf))
    return side_by_side(parts)


def _observation_points(channel: Spectrum, found: Observation | None) -> Points | None:
    """Returns the points of an observation, None if it is a bare number or nothing."""
    if found is None or found.total is not None:
        return None
    middle = sum(channel.range) / 2
    if found.masses is not None:
        return mass_points(found.masses, middle)
    assert found.edges is not None
    assert found.counts is not None
    edges = np.append(found.edges[:, 0], found.edges[-1:, 1])
    return bin_points(edges, found.counts, _narrowest(channel))


def background_data(made: Compiled) -> tuple[Data, tuple[str, ...]]:
    """Returns what was read of the data in the bins of Asimov data, and of which spectra.

    Without data, bins have what the model expects.

    Args:
        made: A model with spectra.
    """
    like, grid_points, observations = made.likelihood, made.grid, made.found
    channels = {n: one for n, one in made.model.channels.items() if isinstance(one, Spectrum)}
    assert grid_points is not None
    assert like.spectra is not None
    counts = np.zeros(len(grid_points.counts))
    kept = np.ones(len(counts), bool)
    fitted = []
    for number, (name, channel) in enumerate(channels.items()):
        of_channel = np.nonzero(grid_points.channel == number)[0]
        x, width = grid_points.x[of_channel], grid_points.weight[of_channel]
        found = observations.get(name)
        if found is None or found.total is not None or found.entries == 0:
            here = made.asimov(like.start).spectra[0][of_channel]
            counts[of_channel] = here
            continue
        fitted.append(name)
        edges = np.append(x - width / 2, x[-1] + width[-1] / 2)
        if found.masses is not None:
            counts[of_channel] = np.histogram(found.masses, edges)[0]
        else:
            assert found.edges is not None
            assert found.counts is not None
            inside = np.searchsorted(found.edges[:, 0], x, side="right") - 1
            inside = np.clip(inside, 0, len(found.counts) - 1)
            covered = (x >= found.edges[inside, 0]) & (x < found.edges[inside, 1])
            shares = np.bincount(inside[covered], minlength=len(found.counts))
            counts[of_channel] = np.where(
                covered, (found.counts / np.maximum(shares, 1))[inside], 0
            )
            kept[of_channel] = covered
        if found.sidebands:
            for low, high in channel.windows:
                kept[of_channel] &= (x < low) | (x > high)
    points = replace(
        grid_points, x=grid_points.x[kept], channel=grid_points.channel[kept],
        weight=grid_points.weight[kept], counts=counts[kept], partial=True,
    )  # fmt: skip
    data = Data(points, counts[kept][None], made.asimov(like.start).templates,
                np.zeros((1, len(like.nuisances))), made.centers(1))  # fmt: skip
    return data, tuple(fitted)


def _with_sidebands(made: Compiled) -> Compiled:
    """Returns the numbers with backgrounds fitted to what was read of the data."""
    like = made.likelihood
    data, fitted = background_data(made)
    if not fitted:
        return made
    fixed = np.zeros(like.size, bool)
    fixed[: like.n_globals] = True
    start = like.start.copy()
    begin = like.n_globals
    start[begin : begin + like.n_spectra] = np.maximum(start[begin : begin + like.n_spectra], 1.0)
    found_minimum = minimize(like, data, start[None], fixed=fixed)
    return replace(
        made, likelihood=replace(like, start=found_minimum.parameters[0]), sidebands=fitted
    )


def _check_possible(name: str, observed: Sequence[float], background: Array) -> None:
    """Refuses entries of bins without background: r = 0 could not give them."""
    for number, (entries, expected) in enumerate(zip(observed, background, strict=True)):
        if entries > 0 and not expected > 0:
            message = (
                f"channel {name}, bin {number}: no background is expected, but there are "
                f"{entries:g} entries, which r = 0 could not give: add a background, or leave the "
                "bin out"
            )
            raise InputError(message, code="limits.no-background",
                             path=f"channels.{name}.observed[{number}]")  # fmt: skip


def _observed(
    made: Compiled, spectra: Mapping[str, Spectrum], counting: Mapping[str, Counting],
    observations: Mapping[str, Observation | None],
) -> Data:  # fmt: skip
    """Returns the observed data; Asimov data of the background where there are none."""
    like = made.likelihood
    asimov = made.asimov(np.where(np.arange(like.size) == 0, 0.0, like.start))
    parts = []
    for number, (name, channel) in enumerate(spectra.items()):
        points = _observation_points(channel, observations.get(name))
        if points is None:
            assert made.grid is not None
            here = made.grid.channel == number
            points = Points(
                made.grid.x[here], np.zeros(here.sum(), np.intp), made.grid.weight[here],
                asimov.spectra[0][here],
            )  # fmt: skip
        parts.append(points)
    points = side_by_side(parts) if parts else None
    observed = asimov.templates[0].copy()
    if like.templates:
        begin = 0
        for name, one in counting.items():
            if one.observed is not None:
                _check_possible(name, one.observed, observed[begin : begin + one.bins])
                observed[begin : begin + one.bins] = one.observed
            begin += one.bins
    return Data(
        points, np.zeros((1, 0)) if points is None else points.counts[None], observed[None],
        np.zeros((1, len(like.nuisances))), made.centers(1),
    )  # fmt: skip
