"""Spectra after the fit, with the band that the covariance gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.errors import RunError
from tau3mu.limits.diagnostics.cells import counted
from tau3mu.limits.diagnostics.fitted import Fitted
from tau3mu.limits.engine.likelihood import Data
from tau3mu.limits.engine.minimize import hessian, inverted, minimize
from tau3mu.limits.language.model import Spectrum

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.diagnostics.cells import Cells

    Array = npt.NDArray[np.float64]

__all__ = ["PostFit", "postfit_of", "sideband_fit"]

_STEP: Final = 1e-3  # of derivatives, in uncertainties


@dataclass(frozen=True)
class PostFit:
    """A channel after the fit.

    Attributes:
        name: Of the channel.
        edges: Of the bins of the data, B × 2; in GeV, or numbers of bins for templates.
        counts: Their contents, None without data.
        at: Edges of the bins of the model, N × 2.
        background: What it expects without signal in these.
        signal: And of the fitted signal.
        error: The uncertainty of their sum.
        example: The signal of another strength, for comparison.
        windows: Where data are blind.
    """

    name: str
    edges: Array
    counts: Array | None
    at: Array
    background: Array
    signal: Array
    error: Array
    example: Array
    windows: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns the content for JSON."""
        return {
            "edges": self.edges.tolist(),
            "counts": None if self.counts is None else self.counts.tolist(),
            "model": {
                "edges": self.at.tolist(),
                "background": self.background.tolist(),
                "signal": self.signal.tolist(),
                "error": self.error.tolist(),
            },
            "blind": [list(one) for one in self.windows],
        }


def sideband_fit(compiled: Compiled, cells: Cells) -> Fitted:
    """Returns the fit of backgrounds to the sidebands, with r = 0 and nuisances as measured.

    Nuisances keep the uncertainty of that measurement, free normalizations have none.

    Args:
        compiled: The model.
        cells: The data of the sidebands.

    Raises:
        RunError: The fit does not converge.
    """
    like = compiled.likelihood
    fixed = np.zeros(like.size, bool)
    fixed[: like.n_globals] = True
    start = like.start.copy()
    start[0] = 0.0
    best = minimize(like, cells.data, start[None], fixed=fixed)
    if not best.converged.all():
        message = "the fit to the sidebands has not converged"
        raise RunError(message, code="limits.not-converged")
    at = best.parameters[0]
    free = (at > like.low) & (at < like.high) & ~fixed
    covariance = inverted(hessian(like, cells.data, at[None]), free[None])[0]
    nuisances = np.arange(1, 1 + len(like.nuisances))
    covariance[nuisances, nuisances] = 1.0
    return Fitted(compiled, cells.data, at, covariance, like.low, float(best.value[0]), True)


def postfit_of(fit: Fitted, cells: Cells, example: float) -> tuple[PostFit, ...]:
    """Returns all channels after a fit.

    Args:
        fit: To the data.
        cells: The data in bins.
        example: A strength of signal to compare with.
    """
    compiled, like = fit.compiled, fit.compiled.likelihood
    points = Data(compiled.coarse, *(np.zeros((1, 0)),) * 3, np.zeros((1, 0, 0)))
    without, with_example = fit.parameters.copy(), fit.parameters.copy()
    without[0], with_example[0] = 0.0, example
    whole, alone, other = (
        np.concatenate([part[0] for part in counted(compiled, points, one[None])])
        for one in (fit.parameters, without, with_example)
    )
    error = _error(fit, points)
    number = 0 if compiled.coarse is None else len(compiled.coarse.counts)
    channels = compiled.model.channels
    found = []
    names = [name for name, one in channels.items() if isinstance(one, Spectrum)]
    for index, name in enumerate(names):
        assert compiled.coarse is not None
        here = np.nonzero(compiled.coarse.channel == index)[0]
        x, half = compiled.coarse.x[here], compiled.coarse.weight[here] / 2
        assert cells.data.points is not None
        counts = cells.data.spectra[0][cells.data.points.bin_channel == index]
        channel = channels[name]
        assert isinstance(channel, Spectrum)
        found.append(PostFit(
            name, cells.edges[index], counts if name in cells.measured else None,
            np.stack([x - half, x + half], axis=1), alone[here], (whole - alone)[here],
            error[here], (other - alone)[here],
            channel.windows if cells.sidebands and name in cells.measured else (),
        ))  # fmt: skip
    begin = number
    for name, bins in zip(like.templates.names if like.templates else (),
                          like.templates.bins if like.templates else (), strict=True):  # fmt: skip
        here = np.arange(begin, begin + bins)
        edges = np.stack([np.arange(bins), np.arange(1, bins + 1)], axis=1).astype(np.float64)
        counts = cells.data.templates[0][here - number]
        found.append(PostFit(
            name, edges, counts if name in cells.measured else None, edges, alone[here],
            (whole - alone)[here], error[here], (other - alone)[here], (),
        ))  # fmt: skip
        begin += bins
    return tuple(found)


def _error(fit: Fitted, points: Data) -> Array:
    """Returns the uncertainties of all bins to first order in the parameters."""
    free = np.nonzero(fit.errors > 0)[0]
    step = _STEP * fit.errors[free]
    moves = np.zeros((len(free), len(fit.parameters)))
    moves[np.arange(len(free)), free] = step
    sets = np.concatenate([fit.parameters + moves, fit.parameters - moves])
    bins = np.concatenate(counted(fit.compiled, points, sets), axis=1)
    slopes = (bins[: len(free)] - bins[len(free) :]) / (2 * step[:, None])
    inside = fit.covariance[np.ix_(free, free)]
    variance = np.einsum("an,ab,bn->n", slopes, inside, slopes, optimize=True)
    found: Array = np.sqrt(np.maximum(variance, 0.0))
    return found
