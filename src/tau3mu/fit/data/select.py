"""From a histogram or values as they were read to what is fitted: checked, cut and rebinned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.data.rebin import axis_edges, check_edge, cut
from tau3mu.fit.data.sample import Binned, Unbinned, covered
from tau3mu.fit.data.windows import kept, without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hist import Hist

    from tau3mu.fit.data.sample import Interval
    from tau3mu.fit.data.windows import Observable, Windows

__all__ = ["binned", "filled", "unbinned"]


def binned(
    histogram: Any,
    observable: Observable,
    windows: Windows,
    *,
    where: str,
    allow_negative: bool = False,
) -> Binned:
    """Returns the bins of a histogram within the range of the observable.

    Under- and overflow and bins outside of the range are left out. Bins are merged where those of
    the observable are wider; without `observable.bins` they stay as they are.

    Args:
        histogram: Of one axis, with the protocol of UHI: from hist, uproot or boost-histogram.
            One that stores no variances is taken as counts.
        observable: Its range and its bins.
        windows: Their edges that lie within the range are edges of bins.
        where: What is fitted, for messages: `fit dsphipi`.
        allow_negative: Whether contents may be negative, which a fit of least squares can take.

    Raises:
        InputError: The histogram has several axes, categories, other edges or contents that
            cannot be fitted.
    """
    contents, stored = _contents(histogram, observable.name, where)
    edges, groups = cut(axis_edges(histogram.axes[0], where), observable, where)
    limits = (float(edges[0]), float(edges[-1]))
    used = covered(edges, kept(limits, windows, where))
    _check_on_edges(edges, windows, where)
    seen = covered(edges, without([limits], windows.blind))
    contents, variances = (
        np.where(seen, np.add.reduceat(array[: groups[-1]], groups[:-1]), 0.0)
        for array in (contents, contents if stored is None else stored)
    )
    _check_contents(edges, contents, variances, used, where, allow_negative=allow_negative)
    return Binned(edges, contents, variances, used)


def unbinned(
    values: Any,
    weights: Any | None,
    observable: Observable,
    windows: Windows,
    *,
    where: str,
) -> Unbinned:
    """Returns the values in the ranges of the fit and outside of the blinded windows.

    Args:
        values: One per event or candidate.
        weights: As many, or None if each value counts one.
        observable: Its range.
        windows: What of the range is fitted; an interval holds its lower edge, not its upper.
        where: What is fitted, for messages: `fit dsphipi`.

    Raises:
        InputError: Values or weights are not finite numbers in one dimension, are not as many,
            or nothing is left to fit.
    """
    given = _numbers(values, f"the values of {observable.name}", where)
    intervals = kept(observable.range, windows, where)
    inside, blinded = _within(given, intervals), _within(given, windows.blind)
    chosen = given[inside]
    if not len(chosen):
        parts = " and ".join(f"{low:g} to {high:g}" for low, high in intervals)
        message = (
            f"{where}: none of the {len(given)} values of {observable.name} lies in {parts}; "
            "are the units those of observable.range?"
        )
        raise InputError(message, code="fit.nothing-in-ranges", path="observable.range")
    outside = int((~inside & ~blinded).sum())  # nothing tells how many are in a blinded window
    if weights is None:
        return Unbinned(chosen, None, intervals, outside)
    all_weights = _numbers(weights, "the weights", where)
    if len(all_weights) != len(given):
        message = (
            f"{where}: there are {len(all_weights)} weights for {len(given)} values of "
            f"{observable.name}; each value needs one"
        )
        raise InputError(message, code="fit.weights-differ", path=observable.name)
    total = all_weights[inside].sum()
    if total <= 0:
        message = (
            f"{where}: the weights of the {len(chosen)} values in the fitted ranges add up to "
            f"{total:g}; a fit needs a sum above 0"
        )
        raise InputError(message, code="fit.no-sum-of-weights", path=observable.name)
    return Unbinned(chosen, all_weights[inside], intervals, outside)


def _within(values: np.ndarray, intervals: Sequence[Interval]) -> np.ndarray:
    found = np.zeros(len(values), bool)
    for low, high in intervals:
        found |= (values >= low) & (values < high)
    return found


def filled(values: Any, weights: Any | None, observable: Observable, *, where: str) -> Hist[Any]:
    """Returns values as a histogram in the bins of the observable.

    Args:
        values: One per event or candidate.
        weights: As many, or None if each value counts one.
        observable: Its range and its bins.
        where: What is fitted, for messages: `fit dsphipi`.

    Raises:
        InputError: Values or weights are not finite numbers in one dimension.
    """
    import hist

    given = _numbers(values, f"the values of {observable.name}", where)
    axis = hist.axis.Regular(observable.bins or 60, *observable.range, name=observable.name)
    if weights is None:
        return hist.Hist(axis, storage=hist.storage.Double()).fill(given)
    weighted = hist.Hist(axis, storage=hist.storage.Weight())
    return weighted.fill(given, weight=_numbers(weights, "the weights", where))


def _contents(histogram: Any, name: str, where: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the contents and the variances, None if the histogram has none of its own."""
    if len(histogram.axes) != 1:
        names = ", ".join(getattr(axis, "name", "") or "unnamed" for axis in histogram.axes)
        message = (
            f"{where}: the histogram has {len(histogram.axes)} axes ({names}), but one is fitted; "
            f"project it on {name!r} first"
        )
        raise InputError(message, code="fit.several-axes", path=name)
    if histogram.kind == "MEAN":
        message = f"{where}: the histogram is a profile, which holds means; counts can be fitted"
        raise InputError(message, code="fit.profile", path=name)
    variances = histogram.variances()
    return (
        np.asarray(histogram.values(), dtype=np.float64),
        None if variances is None else np.asarray(variances, dtype=np.float64),
    )


def _check_on_edges(edges: np.ndarray, windows: Windows, where: str) -> None:
    for key, intervals in (("ranges", windows.ranges), ("blind", windows.blind)):
        for value in (value for interval in intervals for value in interval):
            if edges[0] < value < edges[-1]:
                check_edge(value, edges, key, where)


def _check_contents(
    edges: np.ndarray,
    contents: np.ndarray,
    variances: np.ndarray,
    used: np.ndarray,
    where: str,
    *,
    allow_negative: bool,
) -> None:
    negative = np.zeros(len(contents), dtype=bool) if allow_negative else (contents < 0) & used
    for what, array, problem, wrong in (
        ("content", contents, "not finite", ~np.isfinite(contents)),
        ("variance", variances, "not finite", ~np.isfinite(variances)),
        ("content", contents, "negative", negative),
        ("variance", variances, "negative", (variances < 0) & used),
    ):
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            hint = "; only a fit with the loss chi2 can take that" if wrong is negative else ""
            message = (
                f"{where}: the {what} of {np.count_nonzero(wrong)} bin(s) is {problem}, first that "
                f"of bin {i} from {edges[i]:.5g} to {edges[i + 1]:.5g}: {array[i]:g}{hint}"
            )
            raise InputError(message, code=f"fit.{problem.replace(' ', '-')}", path=what)
    if not used.any():
        message = f"{where}: no bin lies entirely within the fitted ranges; there is nothing to fit"
        raise InputError(message, code="fit.nothing-in-ranges", path="observable.range")
    if not contents[used].any():
        message = f"{where}: the histogram is empty in the fitted ranges; there is nothing to fit"
        raise InputError(message, code="fit.empty-histogram", path="observable.range")


def _numbers(values: Any, what: str, where: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or array.ndim != 1:
        message = (
            f"{where}: {what} are an array of {array.dtype} in {array.ndim} dimensions; expected "
            "numbers in one dimension"
        )
        raise InputError(message, code="fit.not-numbers", path=what)
    wrong = ~np.isfinite(array)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        message = (
            f"{where}: {what} are not finite for {np.count_nonzero(wrong)} of {len(array)} "
            f"entries, first for entry {i}: {array[i]:g}; leave these entries out of the input, "
            "which can have a 'cut'"
        )
        raise InputError(message, code="fit.not-finite", path=what)
    return array.astype(np.float64)
