"""Toy data as a file that a fit can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.data.prepare import resolve
from tau3mu.fit.likelihood.sampling import entries_of, expected_counts
from tau3mu.fit.output.files import check_free
from tau3mu.fit.studies.truth import true_values
from tau3mu.storage.files import atomic, make_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.language import FitModel, SpectrumModel

__all__ = ["generate"]

_TREE = "entries"


def generate(
    model: FitModel,
    output: str | Path,
    *,
    values: Mapping[str, float] | FitResult | None = None,
    seed: int = 1,
) -> dict[str, int]:
    """Writes one toy data set into a ROOT file, and returns its entries by spectrum.

    The file has what the fit file reads: a TH1 for `histogram`, a TTree for `column`, with weights
    of one if it names any; without an input, a TH1 named like the observable. The full range of the
    observable is filled, including ranges that are not fitted or blinded.

    Args:
        model: As `load_model` returns it.
        output: The ROOT file; one that is there is not replaced.
        values: The truth, as in `run_toys`.
        seed: Of the random numbers.

    Raises:
        InputError: A true value is missing or impossible, or the file cannot hold the spectra.
        RunError: The file cannot be written.
    """
    import uproot

    path = Path(output)
    if path.suffix != ".root":
        message = f"{path}: expected a file that ends in .root"
        raise InputError(message, code="fit.wrong-suffix", path=path)
    check_free(path.parent, [path.name])
    model = resolve(model)
    truth = true_values(model, values)
    keys = _keys(model)
    generator = np.random.default_rng(seed)
    drawn = {name: _drawn(part, truth, generator) for name, part in model.parts.items()}
    make_folder(path.parent)
    with atomic(path) as temporary, uproot.recreate(temporary) as file:
        for name, data in drawn.items():
            if isinstance(data, dict):
                file.mktree(keys[name], {column: array.dtype for column, array in data.items()})
                file[keys[name]].extend(data)
            else:
                file[keys[name]] = data
    return {name: _number(data) for name, data in drawn.items()}


def _keys(model: FitModel) -> dict[str, str]:
    """Returns under which name each spectrum is written."""
    keys = {name: _key(part) for name, part in model.parts.items()}
    for name, key in keys.items():
        if list(keys.values()).count(key) > 1:
            message = (
                f"fit {model.name}: several spectra, such as {name}, read {key!r}; one file of toy "
                "data needs another 'histogram' or 'tree' for each"
            )
            raise InputError(message, code="fit.repeated-name", path=key)
    return keys


def _key(part: SpectrumModel) -> str:
    given = part.input
    if given is None:
        return part.observable.name
    return given.histogram or given.tree or _TREE


def _drawn(part: SpectrumModel, truth: Mapping[str, float], generator: np.random.Generator) -> Any:
    """Returns the columns of a tree, or a histogram."""
    import hist

    given, observable = part.input, part.observable
    if given is not None and given.cut is not None:
        message = (
            f"toy data have no columns for the cut {given.cut!r}: generate them with a model "
            "without 'cut'"
        )
        raise InputError(message, code="fit.cut-without-columns", path="input.cut")
    if given is not None and given.column is not None:
        entries = entries_of(part, truth, generator)
        weights = {} if given.weight is None else {given.weight: np.ones(len(entries))}
        return {given.column: entries, **weights}
    means = expected_counts(part, truth, observable.edges)
    axis = hist.axis.Regular(
        len(means), *observable.range, name=observable.name, label=observable.label
    )
    return hist.Hist(axis, data=generator.poisson(means).astype(np.float64))


def _number(data: Any) -> int:
    return len(next(iter(data.values()))) if isinstance(data, dict) else int(data.sum())
