"""Data in bins wide enough to be seen and tested, of the range or of the sidebands alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.limits.engine.likelihood import Data
from tau3mu.limits.engine.points import Points, grid, side_by_side
from tau3mu.limits.language.model import Spectrum

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.observations import Observation

    Array = npt.NDArray[np.float64]

__all__ = ["Cells", "cells_of", "counted"]

_WIDTH: Final = 0.01  # GeV, about
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)


@dataclass(frozen=True)
class Cells:
    """Bins of all spectra with their contents, and the templates.

    Attributes:
        edges: For each spectrum, the lower and upper edges of its bins, B × 2.
        data: The contents of all bins, in one experiment.
        measured: The names of the channels whose contents were read or made, not only expected.
        sidebands: Whether bins in the signal windows are left out.
    """

    edges: tuple[Array, ...]
    data: Data
    measured: tuple[str, ...]
    sidebands: bool


def cells_of(compiled: Compiled, parameters: Array) -> Cells:
    """Returns the data that may be seen: all with an unblinded or made data set, else sidebands.

    Masses are counted in bins of about 10 MeV; histograms keep their bins. Channels without data
    have what the parameters expect.

    Args:
        compiled: The model.
        parameters: One set.
    """
    like, data = compiled.likelihood, compiled.observed
    spectra = {n: one for n, one in compiled.model.channels.items() if isinstance(one, Spectrum)}
    edges, counts, measured = [], [], []
    for number, (name, channel) in enumerate(spectra.items()):
        found = compiled.found.get(name)
        own = _edges(channel)
        if compiled.injected is not None:
            assert data is not None
            assert data.points is not None
            here = data.points.channel == number
            content = np.histogram(data.points.x[here], own, weights=data.spectra[0][here])[0]
            pairs = _pairs(own)
        elif found is not None and (read := _read(channel, own, found)) is not None:
            pairs, content = read
        else:
            pairs, content = _pairs(own), None
        edges.append(pairs)
        counts.append(content)
        if content is not None:
            measured.append(name)
    points = _points(compiled, edges)
    templates = compiled.asimov(parameters).templates
    if data is not None:
        templates = data.templates
        measured += _counting(compiled)
    nuisances = np.zeros((1, len(like.nuisances))) if data is None else data.nuisances
    centers = compiled.centers(1) if data is None else data.backgrounds
    made = Data(points, np.zeros((1, 0)), templates, nuisances, centers)
    if points is not None:
        content = counted(compiled, made, parameters[None])[0][0]
        of_bin = points.bin_channel
        for number, one in enumerate(counts):
            if one is not None:
                content[of_bin == number] = one
        made = replace(made, spectra=content[None])
    return Cells(tuple(edges), made, tuple(measured), data is None)


def counted(compiled: Compiled, data: Data, parameters: Array) -> tuple[Array, Array]:
    """Returns what T sets of parameters expect in the bins of spectra, and in templates.

    Args:
        compiled: The model.
        data: With the bins.
        parameters: T sets.
    """
    like = compiled.likelihood
    spectra = templates = np.zeros((len(parameters), 0))
    if like.spectra:
        assert data.points is not None
        spectra = like.spectra.expected(
            data.points, parameters[:, 0], like.theta(parameters), like.locals(parameters)
        )
    if like.templates:
        templates = like.templates.expected(parameters[:, : like.n_globals])
    return spectra, templates


def _counting(compiled: Compiled) -> list[str]:
    """Returns the channels of templates that have data."""
    return [
        name
        for name, one in compiled.model.channels.items()
        if not isinstance(one, Spectrum)
        and (compiled.injected is not None or one.observed is not None)
    ]


def _edges(channel: Spectrum) -> Array:
    """Returns edges of equal bins: several of those of toys make one."""
    low, high = channel.range
    fine = grid(low, high, min(5e-3, channel.signal.narrowest))
    times = max(1, round(_WIDTH / (fine[1] - fine[0])))
    kept = fine[::times]
    return kept if len(kept) > 1 and np.isclose(kept[-1], high) else np.append(kept, high)


def _pairs(edges: Array) -> Array:
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _read(channel: Spectrum, edges: Array, found: Observation) -> tuple[Array, Array] | None:
    """Returns bins and contents of what was read; None of a bare number of events."""
    if found.total is not None or (found.masses is None and found.edges is None):
        return None
    if found.masses is None:
        assert found.edges is not None
        assert found.counts is not None
        return (found.edges, found.counts) if len(found.edges) else None
    if found.sidebands:
        parts = [_pairs(grid(*one, _WIDTH)) for one in _sidebands(channel)]
        pairs = np.concatenate([np.zeros((0, 2)), *parts])
    else:
        pairs = _pairs(edges)
    if not len(pairs):
        return None
    masses = np.sort(found.masses)
    # As in a histogram, the last bin of each part has its upper edge.
    last = np.append(pairs[1:, 0] != pairs[:-1, 1], True)
    below = np.where(last, np.searchsorted(masses, pairs[:, 1], "right"),
                     np.searchsorted(masses, pairs[:, 1], "left"))  # fmt: skip
    return pairs, (below - np.searchsorted(masses, pairs[:, 0], "left")).astype(np.float64)


def _sidebands(channel: Spectrum) -> list[tuple[float, float]]:
    """Returns the parts of the range between the windows."""
    parts, begin = [], channel.range[0]
    for low, high in sorted(channel.windows):
        if low > begin:
            parts.append((begin, low))
        begin = max(begin, high)
    if begin < channel.range[1]:
        parts.append((begin, channel.range[1]))
    return parts


def _points(compiled: Compiled, edges: list[Array]) -> Points | None:
    """Returns the points at which bins are integrated over."""
    if not edges:
        return None
    spectra = [one for one in compiled.model.channels.values() if isinstance(one, Spectrum)]
    parts = []
    for channel, pairs in zip(spectra, edges, strict=True):
        widest = float((pairs[:, 1] - pairs[:, 0]).max())
        times = max(1, int(np.ceil(widest / (2 * channel.signal.narrowest) - 1e-9)))
        steps = np.linspace(0, 1, times + 1)
        low = pairs[:, :1] + (pairs[:, 1:] - pairs[:, :1]) * steps[:-1]
        half = (pairs[:, 1:] - pairs[:, :1]) / (2 * times)
        x = (low[:, :, None] + half[:, :, None] * (1 + _NODES)).ravel()
        weight = np.broadcast_to(
            half[:, :, None] * _WEIGHTS, (len(pairs), times, len(_NODES))
        ).ravel()
        bins = np.arange(len(pairs)) * times * len(_NODES)
        zeros = np.zeros(len(x), np.intp)
        parts.append(Points(x, zeros, weight, np.zeros(len(pairs)), bins))
    return replace(side_by_side(parts), partial=True)
