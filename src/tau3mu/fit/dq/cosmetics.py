"""The colors and the texts of ROOT, which dq_fitter uses, as matplotlib has them."""

from __future__ import annotations

import re
from html.entities import html5

__all__ = ["axes_position", "axis_words", "color", "mathtext"]

# ROOT's color wheel has colors of the web, each channel one of 00, 33, 66, 99, cc and ff, which
# one hexadecimal digit says. In a circle, a color and its neighbors have two different channels:
# those it has, and those it lacks.
_CIRCLES = {400: "110", 416: "010", 432: "011", 600: "001", 616: "101", 632: "100"}
_IN_CIRCLE = "fc f9 c9 f6 c6 96 f3 c3 93 63 f0 c0 90 60 30"
_FIRST_IN_CIRCLE = -10
_RECTANGLES = {
    800: "fc9 c96 963 960 c93 fc6 f90 fc3 c90 fc0 f93 c60 630 930 c63 f96 f60 f63 c30 f30",
    820: "9f3 6c0 360 390 6c3 9f6 6f0 6f3 3c0 3f0 cf9 9c6 693 690 9c3 cf6 9f0 cf3 9c0 cf0",
    840: "9fc 6c9 396 096 3c9 6fc 0f6 3fc 0c9 0fc 3f9 0c6 063 093 3c6 6f9 0f9 3f6 0c3 0f3",
    860: "9cf 69c 369 039 36c 69f 06f 36f 03c 03f 39f 06c 036 069 39c 6cf 09f 3cf 09c 0cf",
    880: "c9f 96c 639 609 93c c6f 90f c3f 90c c0f 93f 60c 306 309 63c 96f 60f 63f 30c 30f",
    900: "f39 c06 603 903 c36 f69 f06 f36 c03 f03 f9c c69 936 906 c39 f6c f09 c09 f3c f09",
}
_FIRST_IN_RECTANGLE = -9
_SINGLE = {
    **dict(enumerate(("fff", "000", "f00", "0f0", "00f", "ff0", "f0f", "0ff"))),
    8: "59d354",
    9: "5954d8",
    **dict(zip(range(920, 924), ("ccc", "999", "666", "333"), strict=True)),
}

_SYMBOLS = {"circ": "°", "infty": "∞", "neq": "≠"}  # where TLatex and HTML differ
_GROUPS = {
    "^": "^{{{}}}",
    "_": "_{{{}}}",
    "#bar": r"\overline{{{}}}",
    "#bf": r"\mathbf{{{}}}",
    "#hat": r"\hat{{{}}}",
    "#it": r"\mathit{{{}}}",
    "#sqrt": r"\sqrt{{{}}}",
    "#tilde": r"\tilde{{{}}}",
    "#vec": r"\vec{{{}}}",
}
_WITHOUT_FONT = {"#bf", "#it"}  # which set it themselves
_SYMBOL = re.compile(r"#([A-Za-z]+)(?![A-Za-z{])")
_GROUP = re.compile(rf"({'|'.join(re.escape(name) for name in _GROUPS)})\{{([^{{}}]*)\}}")
_WITH_UNIT = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]*eV[^()\[\]]*)[)\]]")
_HIDDEN = str.maketrans("{}$", "\x01\x02\x03")
_SHOWN = str.maketrans({"\x01": "{", "\x02": "}", "\x03": r"\$"})
_LEFT, _BOTTOM, _SIZE = 0.15, 0.15, 0.8  # the axes of dq_fitter in its canvas


def color(number: int) -> str | None:
    """Returns the hexadecimal code of a color of ROOT, None if none of its old palettes has it.

    Args:
        number: The index of the color.
    """
    if number in _SINGLE:
        return f"#{_SINGLE[number]}"
    for center, channels in _CIRCLES.items():
        place, codes = number - center - _FIRST_IN_CIRCLE, _IN_CIRCLE.split()
        if 0 <= place < len(codes):
            lacks, has = sorted(codes[place])
            return "#" + "".join(has if channel == "1" else lacks for channel in channels)
    for center, text in _RECTANGLES.items():
        place, codes = number - center - _FIRST_IN_RECTANGLE, text.split()
        if 0 <= place < len(codes):
            return f"#{codes[place]}"
    return None


def mathtext(latex: str) -> str:
    """Returns a text of ROOT's TLatex with Unicode symbols and matplotlib's `$...$`.

    Unknown commands stay as they are.

    Args:
        latex: A text such as `J/#psi`.
    """
    text = latex.replace("$", "\x03")
    text = _SYMBOL.sub(_character, text)
    before = ""
    while before != text:  # from the innermost group to the outermost
        before, text = text, _GROUP.sub(_formula, text)
    return text.replace("$$", "").translate(_SHOWN)


def axis_words(title: str, label: str, unit: str) -> tuple[str, str]:
    """Returns the label and the unit that a title such as `#it{m} (GeV)` says, or the given ones.

    Args:
        title: That of the axis of a histogram; it may have no unit, or be empty.
        label: For an axis without a title.
        unit: For a title without one.
    """
    if (found := _WITH_UNIT.fullmatch(title.strip())) is not None:
        return mathtext(found[1]), mathtext(found[2])
    return mathtext(title.strip()) or label, unit


def _character(match: re.Match[str]) -> str:
    return _SYMBOLS.get(match[1]) or html5.get(f"{match[1]};") or match[0]


def _formula(match: re.Match[str]) -> str:
    name, content = match[1], match[2]
    parts = content.split("$")
    font = "{}" if name in _WITHOUT_FONT else r"\mathrm{{{}}}"
    for place in range(0, len(parts), 2):  # between them are formulas already
        if parts[place]:
            parts[place] = font.format(parts[place].replace(" ", r"\ "))
    # Braces are hidden until the end, so that groups around this one are still found.
    return f"${_GROUPS[name].format(''.join(parts)).translate(_HIDDEN)}$"


def axes_position(x: float, y: float) -> tuple[float, float]:
    """Returns a position in dq_fitter's canvas as parts of the width and height of its axes.

    Args:
        x: From the left, in units of the canvas.
        y: From the bottom, in units of the canvas.
    """
    return round((x - _LEFT) / _SIZE, 4), round((y - _BOTTOM) / _SIZE, 4)
