"""The names of axes and of histograms in files; reads no file and imports nothing heavy."""

from __future__ import annotations

from typing import Final

__all__ = ["DATASET", "MOST_AXES", "NOMINAL", "VARIATION", "root_path"]

DATASET: Final = "dataset"
VARIATION: Final = "variation"
NOMINAL: Final = "nominal"

MOST_AXES: Final = 3
"""The variables that a histogram of ROOT can have."""


def root_path(name: str, dataset: str, variation: str) -> str:
    """Returns where a histogram of a dataset and a variation stands in `histograms.root`.

    Args:
        name: Of the histogram.
        dataset: Its directory.
        variation: Such as `muon_sf_up`.
    """
    return f"{dataset}/{name}" + ("" if variation == NOMINAL else f"_{variation}")
