"""Goodness of fit: the likelihood over that of a model that meets all data (saturated)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import xlogy

from tau3mu.errors import RunError
from tau3mu.execution.tasks import run_tasks
from tau3mu.limits.diagnostics.cells import counted
from tau3mu.limits.diagnostics.ensembles import Batch, batches, measured_again, share
from tau3mu.limits.engine.minimize import minimize

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from distributed import Client

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.diagnostics.cells import Cells
    from tau3mu.limits.engine.likelihood import Data

    Array = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["Goodness", "deviances", "goodness_of"]


@dataclass(frozen=True)
class Goodness:
    """−2 ln of the likelihood over that of the saturated model.

    Attributes:
        value: Of all channels with data, and of the constraints.
        channels: Of each channel with data.
        bins: How many bins each has.
        toys: Of toys of the fitted model, T values; none without toys.
        channel_toys: T × channels.
        failures: Fits of toys that have not converged, which count nowhere.
        seed: Of the toys.
    """

    value: float
    channels: dict[str, float]
    bins: dict[str, int]
    toys: Array
    channel_toys: Array
    failures: int
    seed: int

    @property
    def p_value(self) -> tuple[float, float] | None:
        """The part of toys that fit as badly or worse, and its error; None without toys."""
        return share(self.toys, self.value) if len(self.toys) else None

    @property
    def channel_p_values(self) -> dict[str, tuple[float, float]]:
        """The same of each channel."""
        if not len(self.toys):
            return {}
        return {
            name: share(toys, value)
            for (name, value), toys in zip(self.channels.items(), self.channel_toys.T, strict=True)
        }

    def to_dict(self) -> dict[str, Any]:
        """Returns the content for JSON."""
        p_values = self.channel_p_values

        def pair(one: tuple[float, float] | None) -> dict[str, float | None]:
            return {"p_value": one and one[0], "p_value_error": one and one[1]}

        return {
            "statistic": "saturated",
            "value": self.value,
            **pair(self.p_value),
            "toys": len(self.toys),
            "failures": self.failures,
            "seed": self.seed if len(self.toys) else None,
            "channels": {
                name: {"value": value, "bins": self.bins[name], **pair(p_values.get(name))}
                for name, value in self.channels.items()
            },
        }


@dataclass(frozen=True)
class _Shared:
    compiled: Compiled
    data: Data
    truth: Array
    fixed: Flags
    low: Array
    used: Flags
    seed: int


def goodness_of(
    compiled: Compiled,
    cells: Cells,
    start: Array,
    *,
    fixed: Flags,
    low: Array,
    toys: int = 0,
    seed: int = 1,
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Goodness:
    """Returns the goodness of a fit to data in bins.

    Args:
        compiled: The model.
        cells: The data.
        start: Where fits start, and the values of what is fixed.
        fixed: Which parameters are fixed.
        low: The lower bounds.
        toys: How many, 0 for none.
        seed: Of the toys.
        workers: Processes for them.
        client: Of a Dask cluster that makes them.
        progress: Is called with the number of further toys that are done, and that of all.

    Raises:
        RunError: The fit does not converge, or a worker died.
    """
    like = compiled.likelihood
    best = minimize(like, cells.data, start[None], fixed=fixed, low=low)
    if not best.converged.all():
        message = "the fit to the data in bins has not converged"
        raise RunError(message, code="limits.not-converged")
    names = like.names
    used = np.array([name in cells.measured for name in names])
    truth = best.parameters[0]
    per_channel, whole = deviances(compiled, cells.data, best.parameters, used)
    found: list[tuple[Array, Array, int]] = []
    if toys:
        shared = _Shared(compiled, cells.data, truth, fixed, low, used, seed)
        found = run_tasks(
            _statistics, shared, batches(toys, cells.data), workers=workers, client=client,
            on_result=lambda one: progress(len(one[1]), toys),
        )  # fmt: skip
    bins = [len(one) for one in cells.edges] + list(like.templates.bins if like.templates else ())
    return Goodness(
        float(whole[0]),
        {n: float(v) for n, v, one in zip(names, per_channel[0], used, strict=True) if one},
        {n: b for n, b, one in zip(names, bins, used, strict=True) if one},
        np.concatenate([one[1] for one in found]) if found else np.zeros(0),
        np.concatenate([one[0][:, used] for one in found]) if found else np.zeros((0, used.sum())),
        sum(one[2] for one in found),
        seed,
    )


def deviances(
    compiled: Compiled, data: Data, parameters: Array, used: Flags
) -> tuple[Array, Array]:
    """Returns 2 ln of saturated over model: T × channels, and T of all that are used.

    Each channel has the constraints of its own background; all together have those of nuisances.

    Args:
        compiled: The model.
        data: Of T experiments.
        parameters: T sets.
        used: Which channels have data.
    """
    like = compiled.likelihood
    spectra, templates = counted(compiled, data, parameters)
    parts = []
    if like.spectra:
        assert data.points is not None
        begins = data.points.starts(like.n_spectra)
        of_channels = np.add.reduceat(_deviance(data.spectra, spectra), begins, axis=-1)
        locals_ = like.locals(parameters)
        pulls = (locals_ - data.backgrounds) / like.spectra.widths
        pulls = np.where(like.spectra.constrained(locals_), pulls, 0.0)
        parts.append(of_channels + (pulls**2).sum(axis=1))
    if like.templates:
        begins = np.cumsum([0, *like.templates.bins])[:-1]
        parts.append(np.add.reduceat(_deviance(data.templates, templates), begins, axis=-1))
    every = np.concatenate(parts, axis=1)
    nuisances = ((like.theta(parameters) - data.nuisances) ** 2).sum(axis=1)
    return every, every[:, used].sum(axis=1) + nuisances


def _deviance(counts: Array, expected: Array) -> Array:
    safe = np.maximum(expected, 1e-300)
    found: Array = 2 * (safe - counts + xlogy(counts, counts / safe))
    return found


def _statistics(shared: _Shared, batch: Batch) -> tuple[Array, Array, int]:
    """Returns the statistics of toys, and how many fits have not converged."""
    like, truth = shared.compiled.likelihood, shared.truth
    generator = np.random.default_rng([shared.seed, batch.number])
    spectra, templates = counted(shared.compiled, shared.data, truth[None])
    nuisances, backgrounds = measured_again(
        like, truth, shared.data.backgrounds, batch.size, generator
    )
    data = replace(
        shared.data,
        spectra=_drawn(generator, spectra[0], batch.size),
        templates=_drawn(generator, templates[0], batch.size),
        nuisances=nuisances,
        backgrounds=backgrounds,
    )
    start = np.repeat(truth[None], batch.size, axis=0)
    fits = minimize(like, data, start, fixed=shared.fixed, low=shared.low, tolerance=1e-6)
    per_channel, whole = deviances(shared.compiled, data, fits.parameters, shared.used)
    whole = np.where(fits.converged, whole, np.nan)
    per_channel = np.where(fits.converged[:, None], per_channel, np.nan)
    return per_channel, whole, int((~fits.converged).sum())


def _drawn(generator: np.random.Generator, expected: Array, size: int) -> Array:
    return generator.poisson(np.maximum(expected, 0.0), (size, len(expected))).astype(np.float64)
