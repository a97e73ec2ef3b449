"""Whether a yield per luminosity is the same in all eras, and which of them are off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

__all__ = ["MOST_DEVIATIONS", "MOST_RELATIVE", "Comparison", "Constancy", "compare_eras"]

MOST_DEVIATIONS: Final = 3.0
"""Standard deviations from the other eras, above which one may be off."""

MOST_RELATIVE: Final = 0.1
"""The part of the yield of the other eras by which one that is off differs at least.

Luminosities are known to a few percent, and triggers differ a little between eras: with a million
events, each era would be off by more than three standard deviations.
"""


@dataclass(frozen=True)
class Comparison:
    """A yield per luminosity beside that of the other eras, without those that are off.

    Attributes:
        deviation: The difference in standard deviations, which are those of both.
        relative: The difference as a part of the yield of the others; None if that is not above 0.
        off: Whether it is off: by more than `MOST_DEVIATIONS` and by more than `MOST_RELATIVE`.
    """

    deviation: float
    relative: float | None
    off: bool


@dataclass(frozen=True)
class Constancy:
    """Whether all yields per luminosity are the same.

    Attributes:
        per_fb: All yields over all luminosities, in fb.
        error: Its error.
        chi2: The χ² of the hypothesis that they are the same, None for fewer than two.
        ndf: Its degrees of freedom.
        p_value: The probability of a larger χ².
        off: The eras that are off.
        left_out: Why other eras are not compared.
    """

    per_fb: float
    error: float
    chi2: float | None
    ndf: int
    p_value: float | None
    off: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def compare_eras(
    yields: Sequence[float],
    lumis: Sequence[float],
    covariance: npt.NDArray[np.float64],
    *,
    counts: bool,
) -> tuple[list[Comparison], Constancy]:
    """Returns each era beside the others, and whether all are the same.

    An era is compared with the sum of those that are not off, over their luminosity. Which these
    are is found from the median, so that one era, or less than half of several, cannot draw the
    mean to itself and make the others look wrong.

    Args:
        yields: One for each era.
        lumis: The luminosities in fb⁻¹, all above 0.
        covariance: That of the yields.
        counts: Whether they are numbers of events without weights. Their variances are then those
            that are expected where all eras are the same, which also holds for eras without events.
    """
    found, lumi = np.asarray(yields, np.float64), np.asarray(lumis, np.float64)
    test = _Test(found, lumi, covariance, counts=counts)
    everything = range(len(found))
    rates = found / lumi
    middle = float(np.median(rates))
    core = [i for i in everything if not _off(*test.from_rate(i, middle))]
    seen: set[tuple[int, ...]] = set()
    while tuple(core) not in seen:
        seen.add(tuple(core))
        core = [i for i in everything if not _off(*test.from_others(i, core))]
    compared = []
    for i in everything:
        deviation, relative = test.from_others(i, core)
        known = relative if np.isfinite(relative) else None
        compared.append(Comparison(deviation, known, _off(deviation, relative)))
    return compared, test.constancy()


def _off(deviation: float, relative: float) -> bool:
    return abs(deviation) > MOST_DEVIATIONS and abs(relative) > MOST_RELATIVE


class _Test:
    """The yields of eras, and what they would vary by if all were the same."""

    def __init__(
        self,
        yields: npt.NDArray[np.float64],
        lumis: npt.NDArray[np.float64],
        covariance: npt.NDArray[np.float64],
        *,
        counts: bool,
    ) -> None:
        self.yields, self.lumis = yields, lumis
        self._given = np.asarray(covariance, np.float64)
        self._counts = counts

    def from_rate(self, era: int, rate: float) -> tuple[float, float]:
        """Returns how far an era is from a rate that is given, in σ and as a part of it."""
        error = float(np.sqrt(self._covariance(rate)[era, era]) / self.lumis[era])
        return _distance(self.yields[era] / self.lumis[era] - rate, error, rate)

    def from_others(self, era: int, core: Collection[int]) -> tuple[float, float]:
        """Returns how far an era is from others, from all if none of these is another one."""
        everything = range(len(self.yields))
        others = [i for i in core if i != era] or [i for i in everything if i != era]
        if not others:
            return 0.0, 0.0
        lumi = self.lumis[others].sum()
        rate = self.yields[others].sum() / lumi
        both = [*others, era]
        common = self.yields[both].sum() / self.lumis[both].sum()
        difference = np.zeros(len(self.yields))
        difference[others] = -1 / lumi
        difference[era] = 1 / self.lumis[era]
        error = float(np.sqrt(difference @ self._covariance(common) @ difference))
        return _distance(self.yields[era] / self.lumis[era] - rate, error, rate)

    def constancy(self) -> Constancy:
        total = self.lumis.sum()
        rate = float(self.yields.sum() / total)
        covariance = self._covariance(rate)
        error = float(np.sqrt(covariance.sum()) / total)
        ndf = len(self.yields) - 1
        if ndf < 1:
            return Constancy(rate, error, None, 0, None)
        # The rate of smallest χ²: of counts, that is `rate` itself.
        inverse = np.linalg.pinv(covariance, hermitian=True)
        norm = self.lumis @ inverse @ self.lumis
        best = self.lumis @ inverse @ self.yields / norm if norm > 0 else rate
        residuals = self.yields - best * self.lumis
        chi2 = float(residuals @ inverse @ residuals)
        return Constancy(rate, error, chi2, ndf, float(special.chdtrc(ndf, chi2)))

    def _covariance(self, rate: float) -> npt.NDArray[np.float64]:
        """Returns the covariance of the yields, with what is expected where nothing is found."""
        if self._counts:
            return np.diag(self.lumis * max(rate, 0.0))
        variances = np.diagonal(self._given)
        usual = variances.sum() / self.lumis.sum() * self.lumis
        return np.asarray(self._given + np.diag(np.where(variances > 0, 0.0, usual)))


def _distance(difference: float, error: float, rate: float) -> tuple[float, float]:
    deviation = difference / error if error > 0 else 0.0
    return float(deviation), float(difference / rate) if rate > 0 else np.inf
