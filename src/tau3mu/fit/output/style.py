"""How figures look: the styles of the experiments, or a plain one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.fit.language import Component
    from tau3mu.fit.language.method import Plot

__all__ = ["TOTAL", "add_label", "axis_label", "colors", "make_ticks", "new_figure", "styled"]

TOTAL = "#bd1f01"
_PEAKS = ("#3f90da", "#ffa90e", "#92dadd", "#832db6", "#a96b59")
_CONTINUA = ("#717581", "#94a4a2", "#b9ac70")
_COMMON: dict[str, Any] = {
    # The fonts of the experiments have no raised and lowered letters; they come from the second.
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
    # Mathematics is set when the figure is drawn, which is after this style has ended.
    "mathtext.fontset": "dejavusans",
    "axes.labelpad": 6,
    "axes.unicode_minus": True,
    "axes.labelsize": 26,
    "xtick.labelsize": 21,
    "ytick.labelsize": 21,
    # White, so that they can be read on a hatched window.
    "legend.frameon": True,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "legend.fancybox": False,
    "hatch.linewidth": 0.8,
}
_TICKS: dict[str, Any] = {
    f"{axis}tick.{key}": value
    for axis, side in (("x", "top"), ("y", "right"))
    for key, value in (
        (side, True),
        ("direction", "in"),
        ("minor.visible", True),
        ("major.size", 10),
        ("minor.size", 5),
    )
}
_PLAIN: dict[str, Any] = {
    **_TICKS,
    "font.family": "DejaVu Sans",
    "axes.labelsize": 22,
    "xtick.labelsize": 18,
    "ytick.labelsize": 18,
}


@contextmanager
def styled(plot: Plot) -> Iterator[None]:
    """Gives matplotlib the style of a plot while the block runs."""
    import matplotlib.style
    import mplhep

    base = {"CMS": mplhep.style.CMS, "ALICE": mplhep.style.ALICE, "plain": {}}[plot.style]
    own = _PLAIN if plot.style == "plain" else {}
    with matplotlib.style.context([base, _COMMON, own]):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure, in inches, that pyplot does not know."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def add_label(axes: Axes, plot: Plot, *, lumi: float | None, simulation: bool) -> None:
    """Writes experiment and status above the axes, and the luminosity in fb^-1 if it is known.

    The ticks must have been made.
    """
    import mplhep

    luminosity = "" if lumi is None else f"{lumi:.3g} fb⁻¹"
    if plot.style == "plain":
        axes.set_title(luminosity, loc="right", fontsize=20)
        return
    experiment = mplhep.cms if plot.style == "CMS" else mplhep.alice
    energy = " (13 TeV)" if luminosity and plot.style == "CMS" else ""
    with _no_new_pyplot_figures():
        experiment.label(
            plot.status,
            data=not simulation,
            rlabel=luminosity + energy,
            loc=0,
            fontsize=24,
            ax=axes,
            # Looking for a factor of the axis, such as 1e6, takes a drawing of the figure.
            scilocator_adjust=bool(axes.yaxis.get_major_formatter().get_offset()),
        )


def make_ticks(*panels: Axes) -> None:
    """Makes the ticks in the present style; left alone, they have that of when they are drawn."""
    for axes in panels:
        axes.get_xticklabels()
        axes.get_yticklabels()


def axis_label(label: str, unit: str) -> str:
    """Returns the label of an axis with its unit in brackets, if there is one."""
    return f"{label} [{unit}]" if unit else label


def colors(components: Iterable[Component]) -> list[str]:
    """Returns a colour for every component: its own, or the next of peaks or of continua."""
    peaks, continua = iter(_PEAKS), iter(_CONTINUA)
    return [
        component.color
        or (next(peaks, _PEAKS[-1]) if component.peaks else next(continua, _CONTINUA[-1]))
        for component in components
    ]


@contextmanager
def _no_new_pyplot_figures() -> Iterator[None]:
    """Closes what mplhep's labels open beside their axes; a notebook would show it (mplhep 1.3)."""
    import matplotlib.pyplot as plt

    before = set(plt.get_fignums())
    yield
    for number in set(plt.get_fignums()) - before:
        plt.close(number)
