"""The differences of histograms, bin by bin, with the bins outside of the axes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.compare.numbers import differ, sigmas
from tau3mu.outputs.names import DATASET, VARIATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from hist import Hist

    from tau3mu.compare.sides import Pair

__all__ = ["BinContent", "HistogramDifference", "compare_histograms", "histogram_differences"]


@dataclass(frozen=True)
class BinContent:
    """The content of a bin: its value and the variance of that."""

    value: float
    variance: float


@dataclass(frozen=True)
class HistogramDifference:
    """How a histogram of a processor differs between two sides.

    Attributes:
        processor: Its name, or those of both sides.
        name: Of the histogram.
        only: `a` or `b` if the other side has no such histogram.
        axes: How the axes differ, in words. If they divide differently, no bins are compared.
        bins: How many bins were compared, of all datasets and variations, with those outside.
        differing: How many of them have other contents or variances.
        shown: How many bins there are within the axes of the variables.
        shown_differing: How many of these have other contents or variances, of any dataset or
            variation.
        sigma: The largest |b − a| / √(variance of a + variance of b), infinite if neither side has
            an uncertainty there.
        where: The bin of it: its range, or its category, by axis.
        a: The content of that bin on the one side.
        b: The content on the other side.
    """

    processor: str
    name: str
    only: str = ""
    axes: tuple[str, ...] = ()
    bins: int = 0
    differing: int = 0
    shown: int = 0
    shown_differing: int = 0
    sigma: float = 0.0
    where: dict[str, str] = field(default_factory=dict)
    a: BinContent | None = None
    b: BinContent | None = None

    @property
    def same(self) -> bool:
        """Whether there is no difference."""
        return not (self.only or self.axes or self.differing)

    @property
    def bins_text(self) -> str:
        """How many bins differ, as a reader of the histogram counts them; "" for none compared."""
        if not self.bins:
            return ""
        if self.differing and not self.shown_differing:
            return "those outside of the axes"
        return f"{self.shown_differing} of {self.shown}"


def compare_histograms(pair: Pair, *, strict: bool) -> Iterator[HistogramDifference]:
    """Yields a difference for each histogram of a processor on any side, also if there is none.

    Args:
        pair: The processor.
        strict: Whether every bit counts; else sums may differ by their rounding.
    """
    left = pair.a.histograms if pair.a else {}
    right = pair.b.histograms if pair.b else {}
    for name in dict.fromkeys([*left, *right]):
        if name in left and name in right:
            yield histogram_differences(
                left[name], right[name], processor=pair.name, name=name, strict=strict
            )
        else:
            yield HistogramDifference(pair.name, name, only="a" if name in left else "b")


def histogram_differences(
    a: Hist[Any], b: Hist[Any], *, processor: str = "", name: str = "", strict: bool = False
) -> HistogramDifference:
    """Returns how two histograms differ.

    Args:
        a: The one.
        b: The other one.
        processor: Its processor.
        name: Its name.
        strict: As for `compare_histograms`.
    """
    axes, comparable = _axes(a, b)
    if not comparable:
        return HistogramDifference(processor, name, axes=axes)
    common = [_common(one, other) for one, other in zip(a.axes, b.axes, strict=True)]
    left, right = (np.ix_(*(part[side] for part in common)) for side in (0, 1))
    view_a, view_b = a.view(flow=True), b.view(flow=True)
    fields: Any = view_a.dtype.names or (Ellipsis,)
    other = np.zeros([len(part[0]) for part in common], np.bool_)
    for one in fields:
        other |= differ(np.asarray(view_a[one])[left], np.asarray(view_b[one])[right],
                        strict=strict)  # fmt: skip
    bins, differing = other.size, int(np.count_nonzero(other))
    inside = _within_axes(a, other)
    shown, shown_differing = inside.size, int(np.count_nonzero(inside))
    if not differing:
        return HistogramDifference(processor, name, axes=axes, bins=bins, shown=shown)
    values = [np.asarray(h.values(flow=True), np.float64)[i] for h, i in ((a, left), (b, right))]
    variances = [_variances(h)[i] for h, i in ((a, left), (b, right))]
    apart = np.where(other, sigmas(values[1] - values[0], variances[0] + variances[1]), -1.0)
    place = np.unravel_index(int(np.argmax(apart)), apart.shape)
    return HistogramDifference(
        processor,
        name,
        axes=axes,
        bins=bins,
        differing=differing,
        shown=shown,
        shown_differing=shown_differing,
        sigma=float(apart[place]),
        where={
            axis.name or f"axis {number}": _bin(axis, int(part[0][index]))
            for number, (axis, part, index) in enumerate(zip(a.axes, common, place, strict=True))
        },
        a=BinContent(float(values[0][place]), float(variances[0][place])),
        b=BinContent(float(values[1][place]), float(variances[1][place])),
    )


def _within_axes(histogram: Hist[Any], other: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Returns which bins within the axes differ in any dataset or variation.

    Args:
        histogram: With the axes.
        other: Which bins differ, of all datasets and variations, with those outside.
    """
    choice: list[Any] = []
    for axis in histogram.axes:
        first = int(axis.traits.underflow)
        of_all = axis.name in {DATASET, VARIATION} or _has_categories(axis)
        choice.append(slice(None) if of_all else slice(first, first + len(axis)))
    sums = tuple(
        place for place, axis in enumerate(histogram.axes) if axis.name in {DATASET, VARIATION}
    )
    return np.asarray(other[tuple(choice)].any(axis=sums) if sums else other[tuple(choice)])


def _axes(a: Hist[Any], b: Hist[Any]) -> tuple[tuple[str, ...], bool]:
    """Returns how axes and storage differ, and whether bins can be compared."""
    if [axis.name for axis in a.axes] != [axis.name for axis in b.axes]:
        names = (" × ".join(axis.name for axis in h.axes) or "none" for h in (a, b))
        return (f"axes {' and '.join(names)}",), False
    found, comparable = [], True
    if a.view(flow=True).dtype != b.view(flow=True).dtype:
        kinds = (h.storage_type.__name__ for h in (a, b))
        found.append(f"storage {' and '.join(kinds)}")
        comparable = False
    for one, other in zip(a.axes, b.axes, strict=True):
        if _has_categories(one) and _has_categories(other):
            for side, mine, theirs in (("A", one, other), ("B", other, one)):
                if only := [str(text) for text in mine if text not in set(theirs)]:
                    found.append(f"{one.name}: only in {side}: {', '.join(only)}")
        elif not _same_bins(one, other):
            found.append(f"{one.name}: {_described(one)} and {_described(other)}")
            comparable = False
        if one.label != other.label:
            found.append(f"{one.name}: labels {one.label!r} and {other.label!r}")
    return tuple(found), comparable


def _has_categories(axis: Any) -> bool:
    return not axis.traits.continuous and not axis.traits.ordered


def _same_bins(one: Any, other: Any) -> bool:
    kinds = [(axis.traits.continuous, axis.traits.underflow, axis.traits.overflow,
              axis.traits.circular) for axis in (one, other)]  # fmt: skip
    return kinds[0] == kinds[1] and np.array_equal(_edges(one), _edges(other))


def _edges(axis: Any) -> npt.NDArray[Any]:
    return np.asarray([] if _has_categories(axis) else axis.edges)


def _described(axis: Any) -> str:
    if _has_categories(axis):
        return f"{len(axis)} categories"
    flow = [n for n in ("underflow", "overflow", "circular") if getattr(axis.traits, n)]
    with_flow = f", {' and '.join(flow)}" if flow else ""
    return f"{len(axis)} bins from {axis.edges[0]:g} to {axis.edges[-1]:g}{with_flow}"


def _common(one: Any, other: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the indices, with those outside, of the bins that both axes have."""
    if not (_has_categories(one) and _has_categories(other)):
        every = np.arange(one.extent)
        return every, every
    theirs = {category: index for index, category in enumerate(other)}
    both = [(index, theirs[category]) for index, category in enumerate(one) if category in theirs]
    if one.traits.overflow and other.traits.overflow:
        both.append((len(one), len(other)))
    indices = np.array(both, np.int64).reshape(-1, 2)
    return indices[:, 0], indices[:, 1]


def _variances(histogram: Hist[Any]) -> npt.NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):  # of means without entries
        stored = histogram.variances(flow=True)
    if stored is None:  # sums of weights without those of their squares
        return np.abs(np.asarray(histogram.values(flow=True), np.float64))
    return np.nan_to_num(np.asarray(stored, np.float64), nan=0.0)


def _bin(axis: Any, index: int) -> str:
    """Returns a bin in words, by its index with those outside."""
    if _has_categories(axis):
        return str(axis[index]) if index < len(axis) else "other"
    number = index - int(axis.traits.underflow)
    edges = axis.edges
    if number < 0:
        return f"below {edges[0]:.6g}"
    if number >= len(axis):
        return f"from {edges[-1]:.6g}"
    if not axis.traits.continuous:
        return str(axis[number])
    return f"{edges[number]:.6g} to {edges[number + 1]:.6g}"
