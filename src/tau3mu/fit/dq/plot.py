"""The plots of dq_fitter, and the results it prints on them, in the words of a fit file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.fit.dq.cosmetics import axes_position, mathtext
from tau3mu.fit.dq.names import plain_name

if TYPE_CHECKING:
    from tau3mu.fit.dq.file import DqPdfs
    from tau3mu.fit.dq.parameters import DqParts

__all__ = ["plot_of", "windows_of"]

_COUNTED = ("sOverB_", "sgnf_", "alpha_vn_")
_ALWAYS = {"corrMatrStatus"}  # every fit says how good its covariance matrix is
_WIDTHS = 3
_UPPER = 0.5  # of the axes: texts above are kept free of data
_ROOM = 1.1, 0.05  # for the error of the highest bin, and of the axes below a text
_AT = "input.pdf_dictionary"


def plot_of(pdfs: DqPdfs, highest: float | None, parts: DqParts) -> dict[str, Any]:
    """Returns the `plot` of a fit file.

    Args:
        pdfs: The model in the dq_fitter file.
        highest: The content of the highest bin, None if it is not known.
        parts: The parameters of the fit; gets warnings of what cannot be expressed.
    """
    looks = pdfs.cosmetics
    texts = [(*axes_position(x, y), mathtext(latex)) for x, y, latex in pdfs.text]
    plot: dict[str, Any] = {"style": "ALICE" if pdfs.alice else "plain"}
    if pdfs.alice:
        plot["experiment"] = ""  # dq_fitter writes nothing but the texts
    if looks.log_scale:
        plot["log"] = True
    if looks.y_range_min is not None and looks.y_range_max is not None:
        free = min([y - _ROOM[1] for _, y, _ in texts if y > _UPPER], default=1.0)
        above_data = 0.0 if looks.log_scale else _ROOM[0] / free
        top = round(max(looks.y_range_max, above_data) * (highest or 0.0), 4)
        if top > looks.y_range_min:
            plot["y_range"] = [looks.y_range_min, top]
        else:
            parts.warnings.append(
                f"{_AT}.cosmeticsForAlicePlot: yRangeMax counts in units of the highest bin, which "
                "is not known or too low here; give 'plot.y_range'"
            )
    printed = {}
    for name, symbol in zip(pdfs.printed, pdfs.symbols, strict=True):
        if (plain := plain_name(name)) in parts.parameters:
            printed[plain] = mathtext(symbol)
        elif not name.startswith(_COUNTED) and name not in _ALWAYS:
            parts.warnings.append(f"{_AT}.parForAlicePlot: {name} is not a parameter of the fit")
    if printed:
        plot["parameters"] = printed
    if texts:
        plot["text"] = [{"x": x, "y": y, "text": text} for x, y, text in texts]
    return plot


def windows_of(pdfs: DqPdfs, parts: DqParts) -> dict[str, Any]:
    """Returns the `windows` in which signal and background are counted.

    dq_fitter counts where it prints a result such as `sOverB_Jpsi`: within three widths of the
    mean of the signal, which is here the component or the yield of that name.

    Args:
        pdfs: The model in the dq_fitter file.
        parts: The parameters of the fit; gets warnings of quantities without a window.
    """
    windows: dict[str, Any] = {}
    counted = [
        name.removeprefix(start)
        for name in pdfs.printed
        for start in _COUNTED
        if name.startswith(start)
    ]
    components = list(zip(pdfs.names, parts.arguments, parts.yields, strict=False))
    for name in dict.fromkeys(counted):
        found = [part for part in components if name == part[0] or part[2] == f"sig_{name}"]
        if not found or not {"mean", "width"} <= found[0][1].keys():
            parts.warnings.append(
                f"{_AT}.parForAlicePlot: no window for {name}, since there is no component of this "
                "name with a mean and a width"
            )
            continue
        component, arguments, _ = found[0]
        mean, reach = arguments["mean"], f"{_WIDTHS}*{arguments['width']}"
        windows[name] = {"signal": [component], "range": [f"{mean} - {reach}", f"{mean} + {reach}"]}
    return windows
