"""The looks of every figure: the styles of the experiments or a plain one, and the heading."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.style import context
from matplotlib.ticker import ScalarFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from tau3mu.plotting.heading import Heading

__all__ = ["PowersFormatter", "StyledFigure", "add_heading", "styled_figure", "use_style"]

_ENERGY = 13.0  # TeV, of CMS data of which nothing else is known
_RAISED = str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SIZE = 24  # of the letters of a heading
_BASE, _SPACE = 6, 9  # points between the frame and the heading, and between its words
_COMMON: dict[str, Any] = {
    # The fonts of the experiments lack letters, such as Greek and superscripts.
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
    "mathtext.fontset": "custom",
    "mathtext.rm": "TeX Gyre Heros",
    "mathtext.it": "TeX Gyre Heros:italic",
    "mathtext.bf": "TeX Gyre Heros:bold",
    "mathtext.cal": "TeX Gyre Heros",
    "mathtext.fallback": "stixsans",
    "axes.labelpad": 6,
    "axes.unicode_minus": True,
    "axes.labelsize": 26,
    "axes.formatter.limits": (-3, 5),
    "axes.formatter.useoffset": False,
    "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.1,
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
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 22,
    "xtick.labelsize": 18,
    "ytick.labelsize": 18,
}


class StyledFigure(Figure):
    """A figure that is drawn in the style in which it was made, whenever that is.

    matplotlib looks up much of a style, such as the fonts of mathematics, when it draws.
    """

    def __init__(self, width: float, height: float, style: dict[str, Any]) -> None:
        """Makes an empty figure, in inches."""
        self._style = style
        with context(style):
            super().__init__(figsize=(width, height))
            FigureCanvasAgg(self)

    @contextmanager
    def styled(self) -> Iterator[None]:
        """Gives matplotlib the style of the figure while the block runs."""
        with context(self._style):
            yield

    def draw(self, renderer: Any) -> None:
        """Draws the figure in its style."""
        with self.styled():
            super().draw(renderer)

    def get_tightbbox(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what the figure covers in its style."""
        with self.styled():
            return super().get_tightbbox(*args, **kwargs)


class PowersFormatter(ScalarFormatter):
    """Numbers of ticks with a factor such as ×10⁶, all in the font of the text."""

    def get_offset(self) -> str:
        """Returns the factor, "" if there is none."""
        power = super().get_offset().removeprefix("1e")
        return f"×10{power.translate(_RAISED)}" if power else ""


def use_style(style: Literal["CMS", "ALICE", "plain"] = "CMS") -> None:
    """Gives all plots that this process makes from now on the looks of those of a run.

    So `histogram.plot()` of hist and figures of pyplot look like them, in a notebook for example;
    `add_heading` writes the same above them.

    Args:
        style: Which looks.
    """
    import matplotlib as mpl

    parameters: Any = mpl.rcParams  # whose type knows each key by name
    parameters.update(_settings(style))


@contextmanager
def styled_figure(style: str, width: float, height: float) -> Iterator[StyledFigure]:
    """Gives an empty figure, and matplotlib its style while the block fills it.

    pyplot does not know the figure.

    Args:
        style: CMS, ALICE or plain.
        width: In inches.
        height: In inches.
    """
    figure = StyledFigure(width, height, _settings(style))
    with figure.styled():
        yield figure
        # Ticks have the style of when they are made, which may be when others ask for them.
        for axes in figure.axes:
            axes.get_xticklabels()
            axes.get_yticklabels()


def add_heading(axes: Axes, heading: Heading) -> None:
    """Writes experiment and status above the axes, luminosity and energy above on the right.

    Args:
        axes: Below the heading.
        heading: What to write.
    """
    experiment, energy = heading.experiment, heading.energy
    if energy is None and experiment == "CMS":
        energy = _ENERGY
    place: dict[str, Any] = {"textcoords": "offset points", "va": "baseline", "fontsize": _SIZE}
    # A factor such as 10^6 stands to the left of the axes, not in the way of the heading.
    axes.yaxis.get_offset_text().set(x=-0.01, ha="right")
    right = _conditions(heading.lumi, energy)
    texts = [
        axes.annotate(right, (1, 1), (0, _BASE), xycoords="axes fraction", ha="right", **place)
    ]
    if experiment:
        name = axes.annotate(experiment, (0, 1), (0, _BASE), xycoords="axes fraction", **place)
        name.set(fontsize=1.3 * _SIZE, fontweight="bold")
        first = "Simulation" if heading.simulation else ""
        words = " ".join(word for word in (first, heading.status) if word)
        status_text = axes.annotate(
            words, (1, 1), (_SPACE, _BASE), xycoords=(name, "axes fraction"),
            fontstyle="italic" if heading.style == "CMS" else "normal", **place,
        )  # fmt: skip
        texts += [name, status_text]
    _shrink(axes, texts)


def _shrink(axes: Axes, texts: Sequence[Text]) -> None:
    """Makes the letters of a heading smaller where it is wider than the axes."""
    gaps = 3 * _SPACE * axes.figure.dpi / 72
    needed = sum(text.get_window_extent().width for text in texts) + gaps
    available = axes.get_window_extent().width
    if needed > available:
        for text in texts:
            text.set_fontsize(float(text.get_fontsize()) * available / needed)


def _conditions(lumi: float | None, energy: float | None) -> str:
    parts = []
    if lumi is not None:
        small = 0 < lumi < 0.1
        parts.append(f"{1000 * lumi:.3g} pb⁻¹" if small else f"{lumi:.3g} fb⁻¹")
    if energy is not None:
        parts.append(f"({energy:g} TeV)")
    return " ".join(parts)


def _settings(style: str) -> dict[str, Any]:
    import mplhep

    if style == "plain":
        return {**_COMMON, **_PLAIN}
    base = {"CMS": mplhep.style.CMS, "ALICE": mplhep.style.ALICE}[style]
    return {**base, **_COMMON}
