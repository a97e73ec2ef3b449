"""Histograms as UHI JSON, which is read back exactly, and as ROOT files."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import uproot
from hist import Hist
from hist.axis import Integer, Regular
from hist.storage import Double
from uhi.io import ARRAY_KEYS
from uhi.io.json import default

from tau3mu.config.input_files import read_text
from tau3mu.config.syntax import parse_json
from tau3mu.errors import InputError, RunError
from tau3mu.outputs.names import DATASET, MOST_AXES, NOMINAL, VARIATION, root_path
from tau3mu.storage.files import atomic, find, json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "DATASET",
    "NOMINAL",
    "VARIATION",
    "from_json",
    "load_histograms",
    "root_histograms",
    "to_json",
    "variable_axes",
    "variations",
    "write_histograms",
    "write_root",
]


def load_histograms(path: str | Path) -> dict[str, Hist[Any]]:
    """Returns the histograms of a processor by name, equal to those that were written.

    Args:
        path: `histograms.json`, the folder of a processor, or a results folder of one processor.

    Raises:
        InputError: There is no such file, or it does not hold histograms.
    """
    file = find(path, "histograms.json")
    try:
        return from_json(read_text(file, "histograms"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{file} does not hold histograms in UHI JSON; give a histograms.json ({error})"
        raise InputError(message, code="outputs.no-histograms", path=file) from error


def write_histograms(folder: Path, histograms: Mapping[str, Hist[Any]]) -> None:
    """Writes `histograms.json` and `histograms.root`.

    In the ROOT file, a dataset is a directory that holds a TH1 per histogram, and one more, called
    `NAME_VARIATION`, per variation that was filled for the dataset. Histograms of two or three
    variables are TH2 and TH3; those of more are in the JSON file alone, and so are those of none.

    Args:
        folder: Where to write.
        histograms: By name, each of counts, with an axis `dataset` and, if there are variations,
            an axis `variation`; the others are those of the variables.

    Raises:
        RunError: A file cannot be written, an axis has an infinite edge, or two histograms would
            have the same name in the ROOT file.
    """
    content = to_json(histograms)
    objects = root_histograms(histograms)
    write_text(folder / "histograms.json", content)
    with atomic(folder / "histograms.root") as temporary:
        write_root(temporary, objects)


def to_json(histograms: Mapping[str, Hist[Any]]) -> str:
    """Returns what `from_json` reads.

    Raises:
        RunError: An axis has an infinite edge.
    """
    for name, histogram in histograms.items():
        for axis in histogram.axes:
            if axis.traits.continuous and not np.isfinite(axis.edges).all():
                message = (
                    f"cannot write histogram {name!r}: its axis {axis.name!r} has an infinite "
                    "edge; leave it out, the overflow bin is always kept"
                )
                raise RunError(message, code="outputs.infinite-edge", path=f"{name}.{axis.name}")
    return json_text({name: default(histogram) for name, histogram in histograms.items()})


def from_json(text: str) -> dict[str, Hist[Any]]:
    """Returns histograms by name, equal to those of which the text was made."""
    content = parse_json(text, object_hook=_arrays)
    return {name: Hist(histogram) for name, histogram in content.items()}


def root_histograms(histograms: Mapping[str, Hist[Any]]) -> dict[str, Hist[Any]]:
    """Returns what a ROOT file can hold of the histograms, by its path in the file.

    Raises:
        RunError: Two would have the same path.
    """
    objects: dict[str, Hist[Any]] = {}
    for name, histogram in histograms.items():
        if not 1 <= len(variable_axes(histogram)) <= MOST_AXES:
            continue
        for dataset, variation, part in variations(histogram):
            path = root_path(name, dataset, variation)
            if path in objects:
                message = (
                    f"histogram {name!r} and another one would both be {path!r} in "
                    "histograms.root: rename one of them or its variation"
                )
                raise RunError(message, code="outputs.repeated-histogram", path=path)
            objects[path] = part
    return objects


def write_root(target: Path | BinaryIO, objects: Mapping[str, Hist[Any]]) -> None:
    """Writes histograms of one to three axes into a new ROOT file."""
    with uproot.recreate(target) as file:
        for path, histogram in objects.items():
            file[path] = _root_histogram(histogram)


def variable_axes(histogram: Hist[Any]) -> list[Any]:
    """Returns the axes of a histogram other than `dataset` and `variation`."""
    return [axis for axis in histogram.axes if axis.name not in {DATASET, VARIATION}]


def variations(histogram: Hist[Any]) -> Iterator[tuple[str, str, Any]]:
    """Yields dataset, variation and histogram for the nominal one and each that was filled.

    A histogram without an axis `variation` is nominal. One without variables is a number.
    """
    varied = VARIATION in histogram.axes.name
    names = list(histogram.axes[VARIATION]) if varied else [NOMINAL]
    for dataset, variation in product(histogram.axes[DATASET], names):
        choice: dict[int | str, Any] = {DATASET: dataset}
        if varied:
            choice[VARIATION] = variation
        part = histogram[choice]
        if variation == NOMINAL or _filled(part):
            yield dataset, variation, part


def _filled(histogram: Any) -> bool:
    view = np.asarray(histogram.view(flow=True) if isinstance(histogram, Hist) else histogram)
    fields = view.dtype.names
    return any(np.any(view[field]) for field in fields) if fields else bool(np.any(view))


def _root_histogram(histogram: Hist[Any]) -> Any:
    traits = histogram.axes[0].traits
    stored = histogram.variances(flow=True)
    if stored is None:  # uproot knows no 64-bit integers
        return _as_floats(histogram)
    if histogram.ndim > 1 or not (traits.underflow and traits.overflow):
        whole = np.asarray(histogram.values()).dtype.kind in "iu"
        return _as_floats(histogram) if whole else histogram
    # uproot's own conversion sets the sum of squared weights to the sum of weights, from which
    # ROOT takes the number of effective entries.
    (axis,) = histogram.axes
    contents, variances = histogram.values(flow=True), np.asarray(stored)
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


def _as_floats(histogram: Hist[Any]) -> Hist[Any]:
    floats: Hist[Any] = Hist(*histogram.axes, storage=Double(), label=histogram.label)
    floats.view(flow=True)[...] = histogram.values(flow=True)
    return floats


def _arrays(content: dict[str, Any]) -> dict[str, Any]:
    # The dtype turns the null of a NaN back into one; whole numbers may be larger than floats keep.
    dtype = np.int64 if content.get("type") == "int" else np.float64
    return {
        key: np.asarray(value, dtype=dtype)
        if key in ARRAY_KEYS and isinstance(value, list)
        else value
        for key, value in content.items()
    }
