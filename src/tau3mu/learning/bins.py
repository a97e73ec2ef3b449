"""Bins of the score that make the search most sensitive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["ScoreBins", "best_bins", "significance_of"]

_STEPS: Final = 60  # possible edges: quantiles of the signal
_RESAMPLED: Final = 50


@dataclass(frozen=True)
class ScoreBins:
    """Bins of the score in one category.

    Attributes:
        edges: The lower edges of the bins, ascending; what is below the first is not used.
        significance: √ΣS² of the bins, for the signal that was given.
        one_bin: The same with the best single edge.
        resampled: √ΣS² of the resampled candidates, with the same edges.
        spread: The standard deviation of each edge when candidates are resampled.
    """

    edges: tuple[float, ...]
    significance: float
    one_bin: float
    resampled: tuple[float, ...]
    spread: tuple[float, ...]


def significance_of(signal: Array, background: Array) -> Array:
    """Returns S = √(2((s + b) ln(1 + s/b) − s)); source: Cowan et al., EPJ C 71 (2011) 1554.

    Args:
        signal: Expected events of signal.
        background: Expected events of background; where there are none, S is 0.
    """
    s, b = np.asarray(signal, np.float64), np.asarray(background, np.float64)
    some = b > 0
    ratio = np.divide(s, b, out=np.zeros_like(s), where=some)
    square = 2 * ((s + b) * np.log1p(ratio) - s)
    return np.where(some, np.sqrt(np.maximum(square, 0)), 0.0)


def best_bins(
    signal: Array,
    weight: Array,
    background: Array,
    scale: float,
    *,
    bins: int = 2,
    least: int = 5,
    seed: int = 1,
    where: str = "",
) -> ScoreBins:
    """Returns the bins of the largest √ΣS²: the best of all choices of edges on a grid.

    Args:
        signal: Scores of simulated signal.
        weight: The expected events that each of them stands for.
        background: Scores of the sidebands of data.
        scale: Events of background in the signal window for each one in the sidebands.
        bins: The number of bins.
        least: Of the candidates in the sidebands of each bin, so that its background is known.
        seed: Of the resampling that shows how stable the result is.
        where: The category, for messages.

    Raises:
        InputError: There is no signal, or too few sideband candidates.
    """
    if not len(signal) or weight.sum() <= 0 or len(background) < bins * least:
        message = (
            f"{where or 'the bins'}: {len(signal)} candidates of signal and {len(background)} in "
            f"the sidebands, expected some and at least {bins * least}, {least} for each of {bins} "
            "bins: use fewer bins or more data"
        )
        raise InputError(message, code="learning.few-candidates", path="bins")
    grid = np.unique(np.quantile(signal, np.linspace(0, 1, _STEPS + 1)[:-1]))
    if (background >= grid[0]).sum() < bins * least:
        # Signal is far from the sidebands: bins reach down to where these have enough candidates.
        last = np.sort(background)[[-least * k for k in range(1, bins + 1)]]
        grid = np.unique(np.concatenate([last, grid]))
    edges, best = _optimum(grid, signal, weight, background, scale, bins, least)
    _, single = _optimum(grid, signal, weight, background, scale, 1, least)
    rng = np.random.default_rng(seed)
    values, moved = [], []
    for _ in range(_RESAMPLED):
        one = rng.integers(len(signal), size=len(signal))
        other = rng.integers(len(background), size=len(background))
        drawn = signal[one], weight[one], background[other]
        again, _ = _optimum(grid, *drawn, scale, bins, least)
        values.append(_value(edges, *drawn, scale))
        if len(again) == len(edges):
            moved.append(again)
    spread = np.std(moved, axis=0) if moved else np.full(len(edges), np.nan)
    return ScoreBins(
        tuple(edges.tolist()), best, single, tuple(values), tuple(np.asarray(spread).tolist())
    )


def _value(edges: Array, signal: Array, weight: Array, background: Array, scale: float) -> float:
    borders = [*edges, np.inf]
    s = np.histogram(signal, borders, weights=weight)[0]
    b = np.histogram(background, borders)[0] * scale
    return float(np.sqrt((significance_of(s, b) ** 2).sum()))


def _optimum(
    grid: Array,
    signal: Array,
    weight: Array,
    background: Array,
    scale: float,
    bins: int,
    least: int,
) -> tuple[Array, float]:
    """Returns the best edges and their √ΣS², by going through the bins from the highest on."""
    borders = [*grid, np.inf]
    s = np.histogram(signal, borders, weights=weight)[0]
    n = np.histogram(background, borders)[0]
    size = len(grid)
    above_s, above_n = (np.concatenate([[0], np.cumsum(x)]) for x in (s, n))
    # A bin from edge i to edge j > i; the last edge is the end.
    in_s, in_n = (x[np.newaxis] - x[:, np.newaxis] for x in (above_s, above_n))
    square = significance_of(np.maximum(in_s, 0), np.maximum(in_n, 0) * scale) ** 2
    square = np.where(in_n >= least, square, -np.inf)
    best = np.full((bins + 1, size + 1), -np.inf)
    best[0, size] = 0
    choice = np.zeros((bins + 1, size + 1), np.int64)
    for number in range(1, bins + 1):
        for i in range(size):
            values = square[i, i + 1 :] + best[number - 1, i + 1 :]
            where = int(np.argmax(values))
            best[number, i], choice[number, i] = values[where], i + 1 + where
    used = max((k for k in range(1, bins + 1) if np.isfinite(best[k]).any()), default=0)
    if not used:
        return grid[:0], 0.0  # as may be where candidates are resampled
    place, edges = int(np.argmax(best[used])), []
    value = float(np.sqrt(best[used, place]))
    for number in range(used, 0, -1):
        edges.append(grid[place])
        place = int(choice[number, place])
    return np.array(edges), value
