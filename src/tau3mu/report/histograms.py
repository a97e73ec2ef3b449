"""What `histograms.json` holds, counted in its UHI JSON: exact, and without hist."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.input_files import read_text
from tau3mu.config.syntax import parse_json
from tau3mu.outputs.names import DATASET, MOST_AXES, NOMINAL, VARIATION, root_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["histogram_views"]

_CONTENT: Final = {"mean": "counts", "weighted_mean": "sum_of_weights"}
"""Where the entries stand in storages other than those of counts, in which they are `values`."""


def histogram_views(path: Path) -> list[dict[str, Any]]:
    """Returns each histogram of a file: its axes, and its parts by dataset and variation.

    The parts are those that `variations` yields, with `entries`: the sum of the contents of all
    bins, also of those outside of the axes.

    Args:
        path: `histograms.json`.

    Raises:
        InputError: It cannot be read.
        KeyError: It does not hold histograms; TypeError, AttributeError, IndexError and ValueError
            mean the same.
    """
    content = parse_json(read_text(path, "histograms"))
    in_root = path.with_name("histograms.root").is_file()
    return [_view(name, one, in_root=in_root) for name, one in content.items()]


def _view(name: str, histogram: Mapping[str, Any], *, in_root: bool) -> dict[str, Any]:
    axes = histogram["axes"]
    names = [_metadata(axis, "name") for axis in axes]
    variables = [axis for axis, its in zip(axes, names, strict=True)
                 if its not in {DATASET, VARIATION}]  # fmt: skip
    drawn = in_root and 1 <= len(variables) <= MOST_AXES
    return {
        "name": name,
        "label": _metadata(histogram, "label"),
        "storage": histogram["storage"]["type"],
        "axes": [_axis(axis) for axis in variables],
        "parts": [
            {
                "dataset": dataset,
                "variation": variation,
                "path": root_path(name, dataset, variation) if drawn else None,
                "entries": entries,
                "sumw": None if entries is None else float(entries),
            }
            for dataset, variation, entries in _parts(histogram, axes, names)
        ],
    }


def _parts(
    histogram: Mapping[str, Any], axes: list[Any], names: list[str]
) -> Iterator[tuple[str, str, float | None]]:
    storage = histogram["storage"]
    entries = storage[_CONTENT.get(storage["type"], "values")]
    known = {its: axes[names.index(its)]["categories"] for its in (DATASET, VARIATION)
             if its in names}  # fmt: skip
    choices = [range(len(categories)) for categories in known.values()]
    for chosen in product(*choices):
        label = {its: known[its][index] for its, index in zip(known, chosen, strict=True)}
        places = {names.index(its): index for its, index in zip(known, chosen, strict=True)}
        variation = label.get(VARIATION, NOMINAL)
        if variation == NOMINAL or any(
            value != 0
            for values in storage.values()
            if not isinstance(values, str)
            for value in _numbers(values, places)
        ):
            yield label.get(DATASET, ""), variation, _sum(list(_numbers(entries, places)))


def _numbers(values: Any, places: Mapping[int, int], depth: int = 0) -> Iterator[Any]:
    """Yields the contents of nested lists, on some axes of one bin alone."""
    if not isinstance(values, list):
        yield values
        return
    chosen = [values[places[depth]]] if depth in places else values
    for one in chosen:
        yield from _numbers(one, places, depth + 1)


def _sum(values: list[Any]) -> float | None:
    """Returns the exact sum, rounded once; None if a content is not a finite number."""
    if any(value is None for value in values):
        return None
    if all(isinstance(value, int) for value in values):
        whole: int = sum(values)
        return whole
    try:
        return math.fsum(values)
    except OverflowError:
        return None


def _axis(axis: Mapping[str, Any]) -> dict[str, Any]:
    kind = axis["type"]
    own = axis.get("writer_info", {}).get("boost-histogram", {})
    if kind == "regular":
        bins, ends = axis["bins"], [axis["lower"], axis["upper"]]
    elif kind == "variable":
        bins, ends = len(axis["edges"]) - 1, [axis["edges"][0], axis["edges"][-1]]
    elif kind == "boolean":
        bins, ends = 2, None
    else:
        bins, ends = len(axis["categories"]), None
    return {
        "name": _metadata(axis, "name"),
        "label": _metadata(axis, "label") or _metadata(axis, "name"),  # as hist shows it
        "kind": "integer" if own.get("orig_type") == "Integer" else kind,
        "bins": bins,
        "range": ends,
    }


def _metadata(part: Mapping[str, Any], key: str) -> str:
    return str((part.get("metadata") or {}).get(key) or "")
