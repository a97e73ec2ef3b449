"""Files of results: nothing is replaced, and each file is written completely or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = ["check_free", "figure_names", "save_figure"]

_FORMATS = ("png", "pdf")


def check_free(folder: Path, names: Iterable[str]) -> None:
    """Checks that none of the files is in the folder.

    Args:
        folder: It need not exist.
        names: Of the files.

    Raises:
        InputError: One of them is, or the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is a file, expected a folder"
        raise InputError(message, code="fit.not-a-folder", path=folder)
    for name in names:
        if (folder / name).exists():
            message = f"{folder / name} exists already; choose another folder or move it away"
            raise InputError(message, code="fit.output-exists", path=folder / name)


def figure_names(stem: str) -> list[str]:
    """Returns the names of the files that `save_figure` writes.

    Args:
        stem: The name without a suffix.
    """
    return [f"{stem}.{form}" for form in _FORMATS]


def save_figure(folder: Path, stem: str, figure: Figure, *, tight: bool = False) -> None:
    """Writes a figure as PNG and PDF.

    Args:
        folder: Where to write.
        stem: The name without a suffix.
        figure: The figure.
        tight: Whether empty margins are cut off.

    Raises:
        RunError: A file cannot be written.
    """
    for name in figure_names(stem):
        with atomic(folder / name) as temporary:
            figure.savefig(temporary, dpi=150, bbox_inches="tight" if tight else None)
