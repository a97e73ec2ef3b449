"""The pictures that are drawn after a run, as another process is told what to draw."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from tau3mu.outputs.histograms import variable_axes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hist import Hist

__all__ = [
    "PLOTS", "Picture", "picture_name", "pictures_of", "stability_picture", "stored_picture",
]  # fmt: skip

PLOTS: Final = "plots"
"""The folder of the pictures, in that of a processor."""

_DRAWN: Final = (1, 2)
"""Variables of histograms of which there are pictures."""

_TAKEN: Final = ("cutflow", "stability")
_SAFE: Final = " +=@[](),"
_LONGEST: Final = 120

_MODULE: Final = "tau3mu.plotting.stored"


class Picture(NamedTuple):
    """A picture to be drawn.

    Attributes:
        file: Where to write it in the results folder, without suffix: `dsphipi/plots/mass`.
        function: Returns the figure, given the results folder and the arguments: its module and
            name, such as `tau3mu.plotting.stored:histogram_figure`. Nothing imports it before.
        arguments: By keyword, of what JSON can hold.
    """

    file: str
    function: str
    arguments: dict[str, Any]


def picture_name(name: str) -> str:
    """Returns the name of the file of the picture of a histogram, without suffix.

    It is that of the histogram, where that can be part of a path and is not taken.

    Args:
        name: Of the histogram.
    """
    quoted = quote(name, safe=_SAFE)
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"
    if quoted.casefold() in _TAKEN:
        quoted += "%"  # which no other name has at its end
    if len(quoted) > _LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        quoted = f"{quoted[:_LONGEST]}-{digest}"
    return quoted


def stored_picture(place: Path, name: str | None = None) -> Path | None:
    """Returns the picture of a histogram or of the cutflow, None if none was drawn.

    Args:
        place: The folder of the processor.
        name: Of the histogram, None for the cutflow.
    """
    path = place / PLOTS / f"{'cutflow' if name is None else picture_name(name)}.png"
    return path if path.is_file() and not path.is_symlink() else None


def pictures_of(found: Mapping[str, Mapping[str, Hist[Any]]]) -> Iterator[Picture]:
    """Yields the pictures of the results of a run: all cutflows, then all histograms.

    Args:
        found: The histograms of each processor, by name.
    """
    for processor in found:
        yield Picture(
            f"{processor}/{PLOTS}/cutflow", f"{_MODULE}:cutflow_figure", {"processor": processor}
        )
    for processor, histograms in found.items():
        for name, histogram in histograms.items():
            if len(variable_axes(histogram)) in _DRAWN:
                how = {"processor": processor, "name": name}
                file = f"{processor}/{PLOTS}/{picture_name(name)}"
                yield Picture(file, f"{_MODULE}:histogram_figure", how)


def stability_picture(processor: str) -> Picture:
    """Returns the stability plot of a processor, to be drawn once its `yields.json` is there.

    Args:
        processor: The name of the processor.
    """
    function = "tau3mu.plotting.stability:stability_figure"
    return Picture(f"{processor}/{PLOTS}/stability", function, {"processor": processor})
