"""The process that draws pictures: told on standard input, one line of JSON for each order."""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tau3mu.cpus import usable_cpus
from tau3mu.errors import Tau3muError
from tau3mu.plotting.pictures import Picture
from tau3mu.storage.files import atomic, make_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

__all__ = ["draw", "main", "save"]

_GARBAGE: Final = 50_000, 20, 20
_DPI: Final = 80
_MOST_PROCESSES: Final = 4
_PER_PROCESS: Final = 3
"""Pictures that make it worthwhile to begin another process."""


def main() -> None:
    """Draws what standard input asks for, and says of each picture that it is done or why not."""
    _warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        _draw_all(Path(order["folder"]), [Picture(**one) for one in order["pictures"]])


def draw(folder: Path, picture: Picture) -> Figure:
    """Returns the figure of a picture.

    Args:
        folder: The results folder.
        picture: Which one.
    """
    figure: Figure = pkgutil.resolve_name(picture.function)(folder, **picture.arguments)
    return figure


def save(figure: Figure, path: Path, dpi: int = _DPI) -> None:
    """Writes a figure into a file, whose suffix says the format; its folder is made.

    Args:
        figure: The figure.
        path: The file.
        dpi: Pixels in an inch, of PNG.

    Raises:
        RunError: The file cannot be written.
    """
    make_folder(path.parent)
    with atomic(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # names may have any letters
        figure.savefig(temporary, dpi=dpi)


def _draw_all(folder: Path, pictures: Sequence[Picture]) -> None:
    """Draws pictures in as many processes as are worthwhile, which are copies of this one."""
    number = max(1, min(usable_cpus(), _MOST_PROCESSES, len(pictures) // _PER_PROCESS))
    if number == 1 or sys.platform != "linux":
        _draw_some(folder, pictures)
        return
    children = []
    for part in range(1, number):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _draw_some(folder, pictures[part::number])
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    _draw_some(folder, pictures[::number])
    for child in children:
        os.waitpid(child, 0)


def _draw_some(folder: Path, pictures: Sequence[Picture]) -> None:
    for picture in pictures:
        problem = ""
        try:
            save(draw(folder, picture), folder / f"{picture.file}.png")
        except Tau3muError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - one picture is not to keep the others away
            problem = f"{type(error).__name__}: {error}"
        _say(file=picture.file, problem=problem)


def _say(**answer: Any) -> None:
    """Writes a line at once, so that those of several processes are not mixed."""
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), f"{json.dumps(answer)}\n".encode())


def _warm_up() -> None:
    """Imports what draws, and draws something, since the first picture takes a second."""
    import hist

    from tau3mu.plotting.histogram import plot_histogram

    axes = hist.axis.StrCategory(["data"], name="dataset"), hist.axis.Regular(2, 0, 1, name="x")
    one: hist.Hist[Any] = hist.Hist(*axes)
    one.fill("data", [0.5])
    plot_histogram(one).savefig(os.devnull, format="png", dpi=10)
    gc.collect()
    gc.freeze()  # what was imported is not looked at again
    gc.set_threshold(*_GARBAGE)


if __name__ == "__main__":
    main()
