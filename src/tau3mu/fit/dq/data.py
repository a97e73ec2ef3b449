"""The spectrum that a dq_fitter file fits, as far as its input file can be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.config.input_files import refuse_special
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.fit.dq.file import DqInput

__all__ = ["COLUMN", "DqSpectrum", "find_spectrum"]

_TREES = ("TTree", "TNtuple", "ROOT::RNTuple")
COLUMN = "fMass"  # dq_fitter knows no other


@dataclass(frozen=True)
class DqSpectrum:
    """The spectrum of one fit: its input in our words, its range, bins, highest bin, axis title."""

    input: dict[str, str]
    range: tuple[float, float]
    bins: int | None
    highest: float | None
    warnings: tuple[str, ...]
    title: str = ""


def find_spectrum(
    path: Path, given: DqInput, name: str, interval: tuple[float, float]
) -> DqSpectrum:
    """Returns the spectrum of one input of a file in one fit range.

    The input file is looked for in the folder of the file of dq_fitter. If it is not there, the
    input is taken for a histogram, and its bins are not known.

    Args:
        path: The file of dq_fitter.
        given: Its inputs.
        name: One of its inputs.
        interval: One of its fit ranges. For a histogram, it grows to the edges of bins, as RooFit
            makes it.

    Raises:
        InputError: The input file is not a ROOT file, or has no such input that covers the range.
    """
    file = path.parent / given.file
    refuse_special(file)
    if not file.is_file():
        warning = (
            f"input.input_file_name: the file {given.file} is not there, seen from the folder "
            f"{path.parent.resolve()}, so {name} is taken for a histogram; check 'input', and give "
            f"'observable.bins' if rebin ({given.pdfs.rebin}) is to hold"
        )
        return DqSpectrum({"histogram": name}, interval, None, None, (warning,))
    # Here, since checking a fit file needs no ROOT file and should stay fast.
    from tau3mu.fit.data.root_files import find_histogram, open_root, without_cycles

    with open_root(str(file)) as content:
        if content.classnames(cycle=False).get(without_cycles(name)) in _TREES:
            return DqSpectrum({"tree": name, "column": COLUMN}, interval, None, None, ())
        histogram = find_histogram(content, name)
        edges, counts = histogram.axis().edges(), np.asarray(histogram.values())
        title = str(histogram.member("fXaxis").member("fTitle"))
    spectrum = _rebinned(edges, counts, name, interval, given.pdfs.rebin, str(file))
    return replace(spectrum, title=title)


def _rebinned(
    edges: np.ndarray,
    counts: np.ndarray,
    name: str,
    interval: tuple[float, float],
    rebin: int,
    where: str,
) -> DqSpectrum:
    number = len(counts) // rebin  # as ROOT does it: bins that are left over at the end are lost
    edges = edges[: number * rebin + 1 : rebin]
    counts = counts[: number * rebin].reshape(number, rebin).sum(axis=1)
    slack = 1e-6 * float(np.diff(edges).min())
    if interval[0] < edges[0] - slack or interval[1] > edges[-1] + slack:
        message = (
            f"{where}: {name} goes from {edges[0]:g} to {edges[-1]:g} in bins of 'rebin' {rebin}, "
            f"which does not cover the fit range {interval[0]:g} to {interval[1]:g}"
        )
        raise InputError(message, code="fit.outside-range", path=where)
    first = int(np.searchsorted(edges, interval[0] + slack, side="right")) - 1
    last = int(np.searchsorted(edges, interval[1] - slack, side="left"))
    wider = (_edge(edges[first]), _edge(edges[last]))
    warnings = []
    if max(abs(wider[0] - interval[0]), abs(wider[1] - interval[1])) > slack:
        warnings.append(
            f"the fit range {interval[0]:g} to {interval[1]:g} is not on edges of bins of {name}; "
            f"it becomes {wider[0]:g} to {wider[1]:g}"
        )
    else:
        wider = interval
    widths = np.diff(edges[first : last + 1])
    bins: int | None = last - first
    if not np.allclose(widths, widths[0], rtol=1e-6):
        bins = None
        if rebin > 1:
            warnings.append(f"{name} has bins of several widths, which 'rebin' cannot merge here")
    highest = float(counts[first:last].max())
    return DqSpectrum({"histogram": name}, wider, bins, highest, tuple(warnings))


def _edge(value: Any) -> float:
    return round(float(value), 10)
