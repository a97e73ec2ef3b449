"""All pictures of a diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.limits.pictures.fits import (
    plot_channel_goodness,
    plot_goodness,
    plot_scan,
    plot_spectra,
)
from tau3mu.limits.pictures.looks import save_pictures
from tau3mu.limits.pictures.nuisances import plot_correlation, plot_impacts

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from tau3mu.limits.diagnostics.diagnosis import Diagnosis

__all__ = ["save_diagnosis_pictures"]


def save_diagnosis_pictures(diagnosis: Diagnosis, folder: Path) -> list[str]:
    """Writes all pictures of a diagnosis, as PNG and PDF, and returns their names.

    Args:
        diagnosis: What is drawn.
        folder: Is made if it is not there.

    Raises:
        RunError: One cannot be written.
    """
    figures: dict[str, Figure] = {"scan": plot_scan(diagnosis)}
    figures |= _numbered("impacts", plot_impacts(diagnosis))
    if (diagnosis.fit.errors > 0).sum() > 1:
        figures["correlation"] = plot_correlation(diagnosis)
    goodness = diagnosis.goodness
    if goodness is not None and len(goodness.toys):
        figures["goodness_of_fit"] = plot_goodness(diagnosis, goodness)
        figures["goodness_of_fit_by_channel"] = plot_channel_goodness(diagnosis, goodness)
    figures |= _numbered("post_fit", plot_spectra(diagnosis))
    save_pictures(figures, folder)
    return list(figures)


def _numbered(name: str, figures: list[Figure]) -> dict[str, Figure]:
    if len(figures) == 1:
        return {name: figures[0]}
    return {f"{name}_{number}": figure for number, figure in enumerate(figures, 1)}
