"""Pictures as text within a file of HTML, small enough to be mailed."""

from __future__ import annotations

import base64
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tau3mu.errors import Tau3muError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = ["MOST_BYTES", "Pictures"]

MOST_BYTES: Final = 4_000_000
"""The size of all pictures of a file, as text."""

_DPI: Final = 90
_WIDEST: Final = 1000, 1000  # pixels of a picture that was saved before
_COLORS: Final = 96
_FAILURES: Final = (Tau3muError, OSError, ValueError, TypeError, LookupError, ArithmeticError,
                    AttributeError, Image.DecompressionBombError)  # fmt: skip


class Pictures:
    """Makes the pictures of a file, until they would be too large."""

    def __init__(self, most: int | None = None) -> None:
        """Creates it.

        Args:
            most: The size of all pictures; `MOST_BYTES` by default.
        """
        self._left = MOST_BYTES if most is None else most

    def drawn(self, draw: Callable[[], Figure]) -> dict[str, Any]:
        """Returns a figure as `source`, `width` and `height`, or the `problem` for which it lacks.

        Args:
            draw: Makes the figure.
        """

        def png() -> BytesIO:
            file = BytesIO()
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph")  # names may have any letters
                draw().savefig(file, format="png", dpi=_DPI)
            return file

        return self._made(png)

    def stored(self, path: Path) -> dict[str, Any]:
        """Returns the picture of a file, as `drawn` does.

        Args:
            path: A PNG.
        """
        return self._made(lambda: path)

    def _made(self, source: Callable[[], Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"source": "", "width": 0, "height": 0, "problem": ""}
        if self._left <= 0:
            return {**found, "problem": "left out, since the file is to be mailed"}
        try:
            content, width, height = _small(source())
        except _FAILURES as error:
            return {**found, "problem": f"cannot be drawn: {error}"}
        self._left -= len(content)
        return {**found, "source": content, "width": width, "height": height}


def _small(source: Any) -> tuple[str, int, int]:
    """Returns a PNG as the address of an image, in few colors, with its size."""
    with Image.open(source, formats=["PNG"]) as image:
        whole = Image.new("RGB", image.size, "white")
        whole.paste(image.convert("RGBA"), mask=image.convert("RGBA").getchannel("A"))
    whole.thumbnail(_WIDEST)
    target = BytesIO()
    whole.quantize(_COLORS).save(target, format="PNG", optimize=True)
    text = base64.b64encode(target.getvalue()).decode()
    return f"data:image/png;base64,{text}", whole.width, whole.height
