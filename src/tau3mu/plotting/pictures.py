"""The pictures that are drawn after a run, as another process is told what to draw."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tau3mu.outputs.histograms import variable_axes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hist import Hist

__all__ = ["PLOTS", "Picture", "pictures_of"]

PLOTS: Final = "plots"
"""The folder of the pictures, in that of a processor."""

_DRAWN: Final = (1, 2)
"""Variables of histograms of which there are pictures."""


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


def pictures_of(processor: str, histograms: Mapping[str, Hist[Any]]) -> Iterator[Picture]:
    """Yields the pictures of the results of a processor.

    Args:
        processor: Its name.
        histograms: By name.
    """
    place, module = PurePosixPath(processor, PLOTS), "tau3mu.plotting.stored"
    yield Picture(f"{place}/cutflow", f"{module}:cutflow_figure", {"processor": processor})
    for name, histogram in histograms.items():
        if len(variable_axes(histogram)) in _DRAWN:
            yield Picture(
                f"{place}/{name}", f"{module}:histogram_figure",
                {"processor": processor, "name": name},
            )  # fmt: skip
