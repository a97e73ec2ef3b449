"""The likelihood of all channels, and where its parameters stand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.limits.engine.spectra import Curvature

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tau3mu.limits.engine.points import Points
    from tau3mu.limits.engine.spectra import Spectra
    from tau3mu.limits.engine.templates import Templates

    Array = npt.NDArray[np.float64]

__all__ = ["Data", "Likelihood"]


@dataclass(frozen=True)
class Data:
    """What is measured in one experiment, or in each of T.

    Attributes:
        points: Where the spectra are compared.
        spectra: T × N entries of their bins.
        templates: T × M entries of the bins of templates.
        nuisances: T × J, what other measurements say of the nuisances, 0 unless they are thrown.
        backgrounds: T × L × C, the same of the constraints of backgrounds.
    """

    points: Points | None
    spectra: Array
    templates: Array
    nuisances: Array
    backgrounds: Array

    def __len__(self) -> int:
        """Returns T."""
        return len(self.nuisances)

    def __getitem__(self, which: npt.NDArray[np.intp] | slice) -> Data:
        """Returns some of the experiments."""
        return replace(
            self,
            spectra=self.spectra[which],
            templates=self.templates[which],
            nuisances=self.nuisances[which],
            backgrounds=self.backgrounds[which],
        )

    def repeated(self, times: int) -> Data:
        """Returns the same experiment several times, without copies."""
        parts = (self.spectra, self.templates, self.nuisances, self.backgrounds)
        return Data(
            self.points, *(np.broadcast_to(one[0], (times, *one.shape[1:])) for one in parts)
        )


@dataclass(frozen=True)
class Likelihood:
    """−ln L of spectra and templates with shared nuisances.

    The parameters of one set are r, J nuisances, F free normalizations of templates, and the L
    parameters of each spectrum's background: B of all channels, then each of the shape.

    Attributes:
        nuisances: Their names; each has a Gaussian constraint of width 1.
        free: The names of free normalizations.
        spectra: The spectra, if there are any.
        templates: The templates, if there are any.
        start: The values at which fits start.
        low, high: The bounds.
    """

    nuisances: Sequence[str]
    free: Sequence[str]
    spectra: Spectra | None
    templates: Templates | None
    start: Array
    low: Array
    high: Array

    @property
    def n_globals(self) -> int:
        """G, the number of parameters of all channels together."""
        return 1 + len(self.nuisances) + len(self.free)

    @property
    def size(self) -> int:
        """The number of parameters."""
        return self.n_globals + self.n_locals * self.n_spectra

    @property
    def n_locals(self) -> int:
        """L, the number of parameters of a spectrum's background."""
        return self.spectra.n_locals if self.spectra else 0

    @property
    def n_spectra(self) -> int:
        """How many channels are spectra."""
        return len(self.spectra.names) if self.spectra else 0

    @property
    def names(self) -> list[str]:
        """The names of the channels."""
        return [*(self.spectra.names if self.spectra else ()),
                *(self.templates.names if self.templates else ())]  # fmt: skip

    def theta(self, parameters: Array) -> Array:
        """Returns the nuisances, T × J."""
        return parameters[:, 1 : 1 + len(self.nuisances)]

    def locals(self, parameters: Array) -> Array:
        """Returns the parameters of the backgrounds of spectra, T × L × C."""
        return parameters[:, self.n_globals :].reshape(
            len(parameters), self.n_locals, self.n_spectra
        )

    def per_channel(self, parameters: Array, data: Data) -> Array:
        """Returns −ln L of each channel, without the constraints of the nuisances.

        Args:
            parameters: T sets.
            data: Of T experiments.
        """
        parts = []
        if self.spectra:
            assert data.points is not None
            parts.append(self.spectra.value(data.points, data.spectra, self._of_spectra(parameters),
                                            data.backgrounds))  # fmt: skip
        if self.templates:
            globals_ = parameters[:, : self.n_globals]
            parts.append(self.templates.value(data.templates, globals_))
        return np.concatenate(parts, axis=1)

    def value(self, parameters: Array, data: Data) -> Array:
        """Returns −ln L of each set, T values, up to terms that do not depend on parameters."""
        pulls = self.theta(parameters) - data.nuisances
        found: Array = self.per_channel(parameters, data).sum(axis=1) + 0.5 * (pulls**2).sum(axis=1)
        return found

    def curvature(self, parameters: Array, data: Data) -> Curvature:
        """Returns −ln L of each set with its derivatives; `value` has T × 1 entries."""
        total, size = len(parameters), self.n_globals
        n_nuisances = len(self.nuisances)
        gradient, hessian = np.zeros((total, size)), np.zeros((total, size, size))
        value = np.zeros(total)
        by_locals = np.zeros((total, self.n_locals, self.n_spectra))
        mixed = np.zeros((total, size, self.n_locals, self.n_spectra))
        locals_ = np.zeros((total, self.n_locals, self.n_locals, self.n_spectra))
        if self.spectra:
            assert data.points is not None
            part = self.spectra.curvature(
                data.points, data.spectra, self._of_spectra(parameters), data.backgrounds
            )
            inner = 1 + n_nuisances
            value += part.value.sum(axis=1)
            gradient[:, :inner] += part.by_globals
            hessian[:, :inner, :inner] += part.globals
            mixed[:, :inner] = part.mixed
            by_locals, locals_ = part.by_locals, part.locals
        if self.templates:
            one, first, second = self.templates.curvature(data.templates, parameters[:, :size])
            value += one.sum(axis=1)
            gradient += first
            hessian += second
        pulls = self.theta(parameters) - data.nuisances
        value += 0.5 * (pulls**2).sum(axis=1)
        at = np.arange(1, 1 + n_nuisances)
        gradient[:, at] += pulls
        hessian[:, at, at] += 1
        return Curvature(value[:, None], gradient, by_locals, hessian, mixed, locals_)

    def _of_spectra(self, parameters: Array) -> tuple[Array, Array, Array]:
        return parameters[:, 0], self.theta(parameters), self.locals(parameters)
