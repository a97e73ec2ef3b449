"""The files of a fit, with numbers and plots; and the values that are read back from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.documents import Document, read_document
from tau3mu.fit.language.base import problem
from tau3mu.fit.output import files
from tau3mu.fit.output.correlation import plot_correlation
from tau3mu.fit.output.plot import plot_fit
from tau3mu.fit.output.plot_checks import check_plot
from tau3mu.fit.output.residuals import plot_residuals
from tau3mu.fit.output.root_file import write_root
from tau3mu.fit.output.scans import plot_scans
from tau3mu.storage.files import find, json_text, staged, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from matplotlib.figure import Figure

    from tau3mu.fit.data.source import Source
    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.language import FitModel

__all__ = ["check_free", "fit_files", "load_fit_values", "save_fit", "update_fit"]

_JSON, _ROOT = "fit.json", "fit.root"


def fit_files(model: FitModel) -> list[str]:
    """Returns the names of all files that `save_fit` and `write_sweights` may write of a fit.

    Args:
        model: The fit.
    """
    stems = [*(stem for pair in _stems(model).values() for stem in pair), "correlation", "scans"]
    plots = (name for stem in stems for name in files.figure_names(stem))
    tables = ("sweights", *(f"sweights_{name}" for name in model.parts))
    weights = [f"{stem}.parquet" for stem in tables] if model.outputs.sweights else []
    return [_JSON, _ROOT, *plots, *weights]


def check_free(folder: str | Path, model: FitModel) -> None:
    """Checks that neither `save_fit` nor `write_sweights` would replace anything.

    Args:
        folder: Where a fit is to be written; it need not be there.
        model: What is to be fitted: each of several spectra has plots of its own.

    Raises:
        InputError: One of the files is there already, or the folder is a file.
    """
    files.check_free(Path(folder), fit_files(model))


def save_fit(
    folder: str | Path,
    result: FitResult,
    *,
    lumi: float | None = None,
    energy: float | None = None,
    simulation: bool = False,
    sources: Mapping[str, Source] | None = None,
    scans: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> None:
    """Writes a fit, all of its files or none.

    - `fit.json`: the result, and as `configuration` the fit file;
    - `fit.root`: see `write_root`;
    - `mass_fit`, `residuals`, `correlation` and `scans` as PNG and PDF. With several spectra, the
      first two have the name of the spectrum at their end: `mass_fit_NAME`. There is no
      `correlation` without a covariance, and no `scans` if none are given.

    Args:
        folder: Where to write; it is made if it is missing.
        result: The fit.
        lumi: Integrated luminosity in fb^-1, for the plots, where the fit file does not say it.
        energy: Center-of-mass energy in TeV, for the plots, where the fit file does not say it.
        simulation: Whether the data are simulation, for the plots.
        sources: What was read for each spectrum, which knows these three itself.
        scans: The profiles of the likelihood, as `plot_scans` takes them; also in `fit.json`.

    Raises:
        InputError: One of the files is there already, or the plots cannot be drawn as the model
            says.
        RunError: A file cannot be written.
    """
    folder = Path(folder)
    check_free(folder, result.model)
    check_plot(result.model)
    given = {"lumi": lumi, "energy": energy, "simulation": simulation}
    headings = dict.fromkeys(result.model.parts, given) | _headings(sources or {})
    with staged(folder) as aside:
        _write_numbers(aside, result, scans or {})
        for stem, figure in _figures(result, headings, scans or {}):
            files.save_figure(aside, stem, figure)


def update_fit(
    folder: str | Path,
    first: FitResult,
    result: FitResult,
    *,
    sources: Mapping[str, Source],
    scans: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> None:
    """Replaces the files of a fit by those of a later result; see `save_fit`.

    Args:
        folder: Where `first` was saved.
        first: The fit as it was saved. Its plots are kept if the values have not changed.
        result: The same fit with Minos, or a repeated one.
        sources: As in `save_fit`.
        scans: As in `save_fit`.

    Raises:
        RunError: A file cannot be written.
    """
    kept = result.values == first.values
    with staged(Path(folder), replace=True) as aside:
        _write_numbers(aside, result, scans)
        for stem, figure in _figures(result, _headings(sources), scans, kept=kept):
            files.save_figure(aside, stem, figure)


def _headings(sources: Mapping[str, Source]) -> dict[str, dict[str, Any]]:
    """Returns by spectrum what its plots say of the data."""
    keys = ("lumi", "energy", "simulation")
    return {name: {key: getattr(source, key) for key in keys} for name, source in sources.items()}


def _write_numbers(
    folder: Path, result: FitResult, scans: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    write_text(folder / _JSON, json_text(_document(result, scans)))
    write_root(folder / _ROOT, result)


def load_fit_values(path: str | Path) -> dict[str, float]:
    """Returns the values of the parameters of a fit that was saved.

    Args:
        path: A `fit.json`, or the folder that holds it.

    Raises:
        InputError: There is no such file, or it does not hold the result of a fit.
    """
    document = read_document(find(path, _JSON), "result of a fit", language="fit")
    parameters = document.content.get("parameters")
    if not isinstance(parameters, dict) or not parameters:
        message = "missing key; expected the fit.json of a fit"
        raise document.error([problem("missing-key", "parameters", message)])
    return {name: _value(document, name, parameter) for name, parameter in parameters.items()}


def _value(document: Document, name: str, parameter: Any) -> float:
    value = parameter.get("value") if isinstance(parameter, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"expected a number, got {value!r}"
        raise document.error([problem("wrong-type", f"parameters.{name}.value", message)])
    return float(value)


def _document(
    result: FitResult, scans: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, Any]:
    profiles = {n: {"values": values, "delta_nll": rise} for n, (values, rise) in scans.items()}
    return {**result.to_dict(), **({"scans": profiles} if profiles else {})}


def _stems(model: FitModel) -> dict[str, tuple[str, str]]:
    """Returns for every spectrum the names of its plots."""
    names = {name: f"_{name}" if len(model.parts) > 1 else "" for name in model.parts}
    return {name: (f"mass_fit{end}", f"residuals{end}") for name, end in names.items()}


def _figures(
    result: FitResult,
    headings: Mapping[str, Mapping[str, Any]],
    scans: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    kept: bool = False,
) -> Iterator[tuple[str, Figure]]:
    """Yields the names of the plots and the plots; those of the fit unless they can be kept."""
    for name, (mass_fit, residuals) in ({} if kept else _stems(result.model)).items():
        yield mass_fit, plot_fit(result, name, **headings[name])
        yield residuals, plot_residuals(result, name, **headings[name])
    if result.covariance_parameters and not kept:
        yield "correlation", plot_correlation(result)
    if scans:
        yield "scans", plot_scans(result, scans)
