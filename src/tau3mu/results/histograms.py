"""Histograms as UHI JSON, which is read back exactly, and as ROOT files for everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import uproot
from hist import Hist
from hist.axis import Integer, Regular
from uhi.io import ARRAY_KEYS
from uhi.io.json import default

from tau3mu.errors import InputError, RunError
from tau3mu.input_files import parse_json, read_text
from tau3mu.results.files import atomic, find, json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["NOMINAL", "load_histograms", "variations", "write_histograms"]

NOMINAL = "nominal"


def load_histograms(path: str | Path) -> dict[str, Hist[Any]]:
    """Returns the histograms of a processor by name, equal to those that were written.

    Args:
        path: `histograms.json`, the folder of a processor, or a results folder of one processor.

    Raises:
        InputError: There is no such file, or it does not hold histograms.
    """
    file = find(path, "histograms.json")
    try:
        content = parse_json(read_text(file, "histograms"), object_hook=_arrays)
        return {name: Hist(histogram) for name, histogram in content.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{file} does not hold histograms in UHI JSON; give a histograms.json ({error})"
        raise InputError(message) from error


def write_histograms(folder: Path, histograms: Mapping[str, Hist[Any]]) -> None:
    """Writes `histograms.json` and `histograms.root`.

    In the ROOT file, a dataset is a directory that holds a TH1 per histogram, and one more, called
    `NAME_VARIATION`, per variation that was filled for the dataset.

    Args:
        folder: Where to write.
        histograms: By name, with Weight storage and the axes `dataset` and `variation` before
            that of the variable.

    Raises:
        RunError: A file cannot be written, or an axis has an infinite edge.
    """
    for name, histogram in histograms.items():
        for axis in histogram.axes:
            if axis.traits.continuous and not np.isfinite(axis.edges).all():
                message = (
                    f"cannot write histogram {name!r}: its axis {axis.name!r} has an infinite "
                    "edge; leave it out, the overflow bin is always kept"
                )
                raise RunError(message)
    content = {name: default(histogram) for name, histogram in histograms.items()}
    write_text(folder / "histograms.json", json_text(content))
    with atomic(folder / "histograms.root") as temporary, uproot.recreate(temporary) as file:
        for name, histogram in histograms.items():
            for dataset, variation, part in variations(histogram):
                suffix = "" if variation == NOMINAL else f"_{variation}"
                file[f"{dataset}/{name}{suffix}"] = _root_histogram(part)


def variations(histogram: Hist[Any]) -> Iterator[tuple[str, str, Hist[Any]]]:
    """Yields dataset, variation and histogram for the nominal one and each that was filled."""
    for dataset in histogram.axes["dataset"]:
        for variation in histogram.axes["variation"]:
            part = cast("Hist[Any]", histogram[{"dataset": dataset, "variation": variation}])
            if variation == NOMINAL or np.any(part.variances(flow=True)):
                yield dataset, variation, part


def _root_histogram(histogram: Hist[Any]) -> Any:
    traits = histogram.axes[0].traits
    if histogram.ndim > 1 or not (traits.underflow and traits.overflow):
        return histogram
    # uproot's own conversion sets the sum of squared weights to the sum of weights, from which
    # ROOT takes the number of effective entries.
    (axis,) = histogram.axes
    contents, variances = histogram.values(flow=True), np.asarray(histogram.variances(flow=True))
    weights = contents[1:-1]
    regular = isinstance(axis, Regular | Integer) and getattr(axis, "transform", None) is None
    total, total_variance = contents.sum(), variances.sum()
    return uproot.writing.identify.to_TH1x(
        fName=None,
        fTitle=histogram.label or "",
        data=contents,
        fEntries=total**2 / total_variance if total_variance else 0.0,
        fTsumw=weights.sum(),
        fTsumw2=variances[1:-1].sum(),
        fTsumwx=(weights * axis.centers).sum(),
        fTsumwx2=(weights * axis.centers**2).sum(),
        fSumw2=variances,
        fXaxis=uproot.writing.identify.to_TAxis(
            fName="xaxis",
            fTitle=axis.label,
            fNbins=len(axis),
            fXmin=axis.edges[0],
            fXmax=axis.edges[-1],
            fXbins=None if regular else axis.edges,
        ),
    )


def _arrays(content: dict[str, Any]) -> dict[str, Any]:
    # The dtype turns the null of a NaN back into one.
    return {
        key: np.asarray(value, dtype=np.float64)
        if key in ARRAY_KEYS and isinstance(value, list)
        else value
        for key, value in content.items()
    }
