"""Writes a fit: the numbers as JSON, and the plot as PNG and PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, RunError
from tau3mu.fit.plot import plot_fit
from tau3mu.results.files import atomic, json_text, write_text

if TYPE_CHECKING:
    from hist import Hist

    from tau3mu.fit.model import FitModel
    from tau3mu.fit.result import FitResult

__all__ = ["check_free", "save_fit"]

_JSON, _PLOTS = "fit.json", ("mass_fit.png", "mass_fit.pdf")


def check_free(folder: str | Path) -> None:
    """Checks that `save_fit` would not replace anything.

    Raises:
        InputError: One of the files is there already, or the folder is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is a file; give a folder for the fit"
        raise InputError(message)
    for name in (_JSON, *_PLOTS):
        if (folder / name).exists():
            message = f"{folder / name} exists already; choose another folder or move it away"
            raise InputError(message)


def save_fit(
    folder: str | Path,
    histogram: Hist[Any],
    model: FitModel,
    result: FitResult,
    *,
    lumi: float | None = None,
    simulation: bool = False,
) -> None:
    """Writes `fit.json`, `mass_fit.png` and `mass_fit.pdf`, each of them whole or not at all.

    `fit.json` holds the result and, as `configuration`, the model.

    Args:
        folder: Where to write; it is made if it is missing.
        histogram: What was fitted.
        model: With what.
        result: What came out.
        lumi: Integrated luminosity in fb^-1, for the plot.
        simulation: Whether the histogram is simulation, for the plot.

    Raises:
        InputError: One of the files is there already.
        RunError: A file cannot be written.
    """
    folder = Path(folder)
    check_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder {folder}: {error.strerror or error}"
        raise RunError(message) from error
    configuration = model.model_dump(mode="json", by_alias=True)
    write_text(folder / _JSON, json_text({**result.to_dict(), "configuration": configuration}))
    figure = plot_fit(histogram, model, result, lumi=lumi, simulation=simulation)
    for name in _PLOTS:
        with atomic(folder / name) as temporary:
            figure.savefig(temporary, dpi=150)
