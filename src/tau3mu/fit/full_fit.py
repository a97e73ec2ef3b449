"""A fit with all that its model asks for, from data to the files of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.fit.data.prepare import Data
    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.language import FitModel

__all__ = ["fit_and_save"]


def fit_and_save(model: FitModel | str | Path, data: Data | None, folder: str | Path) -> FitResult:
    """Returns the fit of a model, after writing it with all that the model asks for.

    It is written before Minos and the scans are made, which may take long, and once more after
    them.

    Args:
        model: As in `fit`.
        data: As in `fit`; None for what the inputs of the model name.
        folder: Where to write; nothing there is replaced.

    Raises:
        InputError: The data do not fit the model, or a file is there already.
        RunError: The likelihood is a number nowhere, or a file cannot be written.
    """
    from tau3mu.fit.data.prepare import sources
    from tau3mu.fit.fitting import complete, fit
    from tau3mu.fit.language import FitModel, load_model
    from tau3mu.fit.output import save_fit, update_fit
    from tau3mu.fit.studies import write_sweights
    from tau3mu.fit.studies.scans import scan_all

    model = model if isinstance(model, FitModel) else load_model(model)
    found = sources(model, data)
    first = fit(model, found, minos=False)
    save_fit(folder, first, sources=found)
    result, scans = scan_all(complete(first))
    if result is not first or scans:
        update_fit(folder, first, result, sources=found, scans=scans)
    if model.outputs.sweights and result.valid:
        write_sweights(folder, result, found)
    return result
