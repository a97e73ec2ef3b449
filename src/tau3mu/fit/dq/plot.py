"""How dq_fitter's plots and the results it prints on them are said in a fit file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.fit.dq.cosmetics import axes_position, mathtext
from tau3mu.fit.dq.names import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tau3mu.fit.dq.file import DqPdfs
    from tau3mu.fit.dq.parameters import DqParts

__all__ = ["plot_of", "windows_of"]

_COUNTED = ("sOverB_", "sgnf_", "alpha_vn_")
_ALWAYS = {"corrMatrStatus"}  # every fit says how good its covariance matrix is
_WIDTHS = 3
_UPPER = 0.5  # of the axes: texts above are kept free of data
_ROOM = 1.1, 0.05  # for the error of the highest bin, and of the axes below of a text


def plot_of(
    pdfs: DqPdfs, highest: float | None, parts: DqParts
) -> tuple[dict[str, Any], list[str]]:
    """Returns the `plot` of a fit file, and what of dq_fitter's cannot be said there.

    Args:
        pdfs: What the dq_fitter file says.
        highest: The content of the highest bin, None if it is not known.
        parts: The parameters of the fit.
    """
    looks = pdfs.cosmetics
    plot: dict[str, Any] = {"style": "ALICE" if pdfs.alice else "plain"}
    if pdfs.alice:
        plot["experiment"] = ""  # dq_fitter writes nothing but the texts
    warnings = []
    if looks.log_scale:
        plot["log"] = True
    if looks.y_range_min is not None and looks.y_range_max is not None:
        top = None if highest is None else _top(looks.y_range_max, highest, pdfs, plot)
        if top is None or top <= looks.y_range_min:
            warnings.append(
                "input.pdf_dictionary.cosmeticsForAlicePlot: yRangeMax counts in units of the "
                "highest bin, which is not known or too low here; give 'plot.y_range'"
            )
        else:
            plot["y_range"] = [looks.y_range_min, top]
    printed = {}
    for name, symbol in zip(pdfs.printed, pdfs.symbols, strict=True):
        if (plain := plain_name(name)) in parts.parameters:
            printed[plain] = mathtext(symbol)
        elif not name.startswith(_COUNTED) and name not in _ALWAYS:
            warnings.append(
                f"input.pdf_dictionary.parForAlicePlot: {name} is no parameter of the fit and not "
                "printed"
            )
    if printed:
        plot["parameters"] = printed
    lines = []
    for x, y, latex in pdfs.text:
        left, bottom = axes_position(x, y)
        lines.append({"x": left, "y": bottom, "text": mathtext(latex)})
    return plot | ({"text": lines} if lines else {}), warnings


def _top(units: float, highest: float, pdfs: DqPdfs, plot: dict[str, Any]) -> float:
    """Returns the upper end of the axis, higher than dq_fitter's where texts would be on data."""
    error, gap = _ROOM
    texts = [axes_position(x, y)[1] for x, y, _ in pdfs.text]
    free = min([y - gap for y in texts if y > _UPPER], default=1.0)
    needed = 0.0 if "log" in plot else error * highest / free
    return round(max(units * highest, needed), 4)


def windows_of(pdfs: DqPdfs, parts: DqParts) -> tuple[dict[str, Any], list[str]]:
    """Returns the `windows` in which signal and background are counted, and what has none.

    dq_fitter counts where it prints a result such as `sOverB_Jpsi`: within three widths of the
    mean of the signal, which is here the component or the yield of that name.
    """
    windows: dict[str, Any] = {}
    warnings = []
    for name in dict.fromkeys(_counted(pdfs.printed)):
        found = [
            (component, arguments)
            for component, arguments, yield_ in zip(
                pdfs.names, parts.arguments, parts.yields, strict=False
            )
            if name == component or yield_ == f"sig_{name}"
        ]
        if not found or not {"mean", "width"} <= found[0][1].keys():
            warnings.append(
                f"input.pdf_dictionary.parForAlicePlot: no window for {name}, since there is no "
                "component of this name with a mean and a width"
            )
            continue
        component, arguments = found[0]
        mean, width = arguments["mean"], arguments["width"]
        windows[name] = {
            "signal": [component],
            "range": [f"{mean} - {_WIDTHS}*{width}", f"{mean} + {_WIDTHS}*{width}"],
        }
    return windows, warnings


def _counted(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for prefix in _COUNTED:
            if name.startswith(prefix):
                yield name.removeprefix(prefix)
