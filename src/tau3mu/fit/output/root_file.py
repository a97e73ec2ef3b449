"""A fit as a ROOT file: labeled results, data, curves, residuals, pulls and matrices.

ROOT and uproot read it alike. What is blinded is not in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.data import Unbinned
from tau3mu.fit.output.bins import binned_fit, subdivided
from tau3mu.storage.files import atomic, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hist import Hist

    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.output.bins import BinnedFit

__all__ = ["write_root"]


def write_root(path: str | Path, result: FitResult) -> None:
    """Writes a fit as a ROOT file.

    - `fit_results`: a TH1 with a labeled bin for every parameter, then `chi2/ndf`, the derived
      quantities, and for each window `NAME.signal`, `NAME.background`,
      `NAME.signal_over_background`, `NAME.purity` and `NAME.significance`. The error of a bin is
      that of the quantity, zero if it has none.
    - `data`: the contents and their errors; zero in blinded bins.
    - `model_binned`, `residuals`, `pulls`: what is expected in the bins of the data, data less
      expectation, and the same in standard deviations; the last two are zero where nothing is
      fitted.
    - `model` and `components/NAME`: curves, in entries per bin of the data.
    - `entries`: a tree of the fitted values, and their weights as `NAME_weight`, if single entries
      were fitted.
    - `correlation_matrix`, `covariance_matrix`: TH2 with labels.
    - `configuration`, `result`: the fit file and the result as JSON.

    Where there are several spectra, what belongs to one is in the folder `spectra/NAME`.

    Args:
        path: The file; one that exists is replaced.
        result: The fit.

    Raises:
        RunError: The file cannot be written.
    """
    import uproot

    with atomic(Path(path)) as temporary, uproot.recreate(temporary) as file:
        file["fit_results"] = _labeled(_quantities(result))
        for name in result.model.parts:
            folder = f"spectra/{name}/" if len(result.model.parts) > 1 else ""
            for key, histogram in _spectrum(binned_fit(result, name)):
                file[folder + key] = histogram
            sample = result.data[name]
            if isinstance(sample, Unbinned):
                _write_entries(file, f"{folder}entries", name, sample, result)
        if result.covariance_parameters:
            for kind in ("correlation", "covariance"):
                matrix = np.array(getattr(result, kind))
                file[f"{kind}_matrix"] = _matrix(result.covariance_parameters, matrix)
        file["configuration"] = json_text(result.model.to_dict())
        file["result"] = json_text(result.to_dict())


def _quantities(result: FitResult) -> dict[str, tuple[float, float]]:
    """Returns label, value and error of all that the fit found."""
    numbers = {name: (p.value, p.error or 0.0) for name, p in result.parameters.items()}
    if result.ndf > 0:
        numbers["chi2/ndf"] = (result.chi2 / result.ndf, 0.0)
    numbers |= {name: (q.value, q.error or 0.0) for name, q in result.derived.items()}
    for name, window in result.windows.items():
        for key in ("signal", "background", "signal_over_background", "purity", "significance"):
            quantity = getattr(window, key)
            numbers[f"{name}.{key}"] = (quantity.value, quantity.error or 0.0)
    return numbers


def _spectrum(fit: BinnedFit) -> Iterator[tuple[str, Hist[Any]]]:
    """Yields the keys and histograms of one spectrum."""
    data, observable = fit.data, fit.part.observable
    fine = subdivided(data.edges)

    def histogram(
        edges: np.ndarray, values: np.ndarray, variances: np.ndarray | float
    ) -> Hist[Any]:
        import hist

        axis = hist.axis.Variable(edges, name=observable.name, label=observable.label)
        made: Hist[Any] = hist.Hist(axis, storage=hist.storage.Weight())
        view: Any = made.view()
        view.value, view.variance = values, variances
        return made

    used = data.used
    residuals = np.where(used, data.residuals(fit.total), 0)
    pulls = np.nan_to_num(fit.pulls, nan=0.0)
    yield "data", histogram(data.edges, data.contents, data.variances)
    yield "model_binned", histogram(data.edges, fit.total, 0)
    yield "residuals", histogram(data.edges, residuals, np.where(used, data.variances, 0))
    yield "pulls", histogram(data.edges, pulls, np.where(np.isfinite(fit.pulls), 1, 0))
    yield "model", histogram(fine, fit.curves.sum(axis=0), 0)
    for name, curve in zip(fit.part.components, fit.curves, strict=True):
        yield f"components/{name}", histogram(fine, curve, 0)


def _labeled(numbers: dict[str, tuple[float, float]]) -> Hist[Any]:
    import hist

    labels = hist.axis.StrCategory(list(numbers), name="quantity", flow=False)
    histogram: Hist[Any] = hist.Hist(labels, storage=hist.storage.Weight())
    view: Any = histogram.view()
    view.value = [value for value, _ in numbers.values()]
    view.variance = [error**2 for _, error in numbers.values()]
    return histogram


def _matrix(names: tuple[str, ...], values: np.ndarray) -> Hist[Any]:
    import hist

    axes = [hist.axis.StrCategory(list(names), name=axis, flow=False) for axis in ("row", "column")]
    histogram: Hist[Any] = hist.Hist(*axes, storage=hist.storage.Double())
    histogram.view()[...] = values
    return histogram


def _write_entries(file: Any, key: str, name: str, sample: Unbinned, result: FitResult) -> None:
    observable = result.model.parts[name].observable.name
    columns = {observable: sample.values}
    if sample.weights is not None:
        columns[f"{observable}_weight"] = sample.weights
    file.mktree(key, {column: values.dtype for column, values in columns.items()})
    file[key].extend(columns)
