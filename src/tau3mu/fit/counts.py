"""The histogram that a fit takes: checked, and reduced to what the likelihood needs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from hist import Hist

    from tau3mu.fit.model import FitModel

__all__ = ["Counts", "check_axis", "counts_of"]


@dataclass(frozen=True)
class Counts:
    """The contents of the bins that are fitted, and their variances."""

    edges: np.ndarray
    contents: np.ndarray
    variances: np.ndarray

    @property
    def entries(self) -> float:
        """The sum of the contents."""
        return float(self.contents.sum())

    @property
    def weighted(self) -> bool:
        """Whether the contents are sums of weights, so that they are not Poisson counts."""
        return not np.allclose(self.contents, self.variances, rtol=1e-6)

    @property
    def mean_weight(self) -> float:
        """The mean weight of an entry, one if they are not weighted."""
        return float(self.variances.sum() / self.contents.sum())

    def pulls(self, expected: np.ndarray) -> np.ndarray:
        """Returns data less expectation in standard deviations of the expectation, per bin.

        The variance of an expectation is itself, times the mean weight of an entry if weighted.
        """
        return np.asarray((self.contents - expected) / np.sqrt(expected * self.mean_weight))

    @property
    def hash(self) -> str:
        """SHA-256 of edges, contents and variances."""
        return hashlib.sha256(
            b"".join(a.astype("<f8").tobytes() for a in (self.edges, self.contents, self.variances))
        ).hexdigest()


def counts_of(histogram: Hist[Any], model: FitModel) -> Counts:
    """Returns the contents of a histogram, without under- and overflow.

    Raises:
        InputError: The histogram has not the axis and the bins of the model, or contents that
            cannot be fitted: none at all, negative ones, or ones that are not numbers.
    """
    if len(histogram.axes) != 1:
        names = ", ".join(axis.name or "unnamed" for axis in histogram.axes)
        message = (
            f"fit {model.name}: the histogram has {len(histogram.axes)} axes ({names}), but one "
            f"is fitted; project it on {model.observable.name!r} first"
        )
        raise InputError(message)
    check_axis(histogram.axes[0], model)
    edges = np.asarray(histogram.axes[0].edges, dtype=np.float64)
    contents = np.asarray(histogram.values(), dtype=np.float64)
    stored = histogram.variances()
    variances = contents if stored is None else np.asarray(stored, dtype=np.float64)
    _check_contents(edges, contents, model.name)
    _check_contents(edges, variances, model.name)
    return Counts(edges, contents, variances)


def check_axis(axis: Any, model: FitModel) -> None:
    """Checks that an axis has the bins of the model.

    Raises:
        InputError: It has others.
    """
    edges, observable, fit = np.asarray(axis.edges), model.observable, model.name
    expected = observable.edges
    width = expected[1] - expected[0]
    if len(edges) == len(expected) and np.allclose(edges, expected, rtol=0, atol=1e-6 * width):
        return
    message = (
        f"fit {fit}: the histogram has {len(edges) - 1} bins from {edges[0]:g} to {edges[-1]:g}, "
        f"but the fit's observable has {observable.bins} equal bins from {observable.range[0]:g} "
        f"to {observable.range[1]:g}; choose another histogram, or change observable.range and "
        "observable.bins in the fit file"
    )
    raise InputError(message)


def _check_contents(edges: np.ndarray, contents: np.ndarray, fit: str) -> None:
    for problem, wrong in (
        ("is not finite", ~np.isfinite(contents)),
        ("is negative", contents < 0),
    ):
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            message = (
                f"fit {fit}: the content of {np.count_nonzero(wrong)} bins {problem}, first that "
                f"of bin {i} from {edges[i]:.5g} to {edges[i + 1]:.5g}: {contents[i]:g}; the "
                "likelihood is that of counts"
            )
            raise InputError(message)
    if not contents.any():
        message = f"fit {fit}: the histogram is empty; there is nothing to fit"
        raise InputError(message)
