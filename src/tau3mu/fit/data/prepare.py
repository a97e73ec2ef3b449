"""From what a user gives to what is fitted: sources, and data cut to the ranges of a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import awkward as ak
import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.fit.data.entries import entries_of
from tau3mu.fit.data.readers import read_data
from tau3mu.fit.data.resolve import located, resolve
from tau3mu.fit.data.results import read_facts
from tau3mu.fit.data.root_files import listed
from tau3mu.fit.data.runs import of_candidates, of_histogram, spectrum
from tau3mu.fit.data.sample import Binned, Unbinned
from tau3mu.fit.data.select import binned, filled, unbinned
from tau3mu.fit.data.source import Source
from tau3mu.fit.language.values import too_few_bins
from tau3mu.outputs.histograms import DATASET

if TYPE_CHECKING:
    from hist import Hist

    from tau3mu.fit.language import FitModel, SpectrumModel

__all__ = ["Data", "RunOutput", "check_histogram", "prepare", "resolve", "sources"]


class RunOutput(Protocol):
    """The results of one processor of a run, in memory; `datasets` may also be there.

    `datasets` is what is known of the datasets, by name; without it, run.json of the folder says.
    """

    @property
    def name(self) -> str:
        """The name of the processor."""

    @property
    def folder(self) -> Path:
        """Where the run has written it."""

    @property
    def histograms(self) -> Mapping[str, Hist[Any]]:
        """The histograms, with the axes `dataset` and maybe `variation`."""

    @property
    def candidates(self) -> ak.Array:
        """One record per candidate."""


One: TypeAlias = (
    "Hist[Any] | ak.Array | np.ndarray | tuple[np.ndarray, np.ndarray | None] | Source | RunOutput"
    " | str | Path"
)
Data: TypeAlias = "One | Binned | Unbinned | Mapping[str, One | Binned | Unbinned]"
"""What `fit` takes:

- a histogram of `hist` or another with the protocol of UHI, or counts and edges as `np.histogram`
  returns them;
- an array of values, a pair of values and weights, or an awkward array of records, of which the
  column that the model names is taken;
- what a run has found with one processor, or a file or a results folder;
- what `sources` returns, or a dictionary of all these for the spectra of a simultaneous fit.
"""


def sources(
    model: FitModel, data: Data | None = None, histogram: str | None = None
) -> dict[str, Source]:
    """Returns what is to be fitted, as it was given or read, by the name of the spectrum.

    Args:
        model: Whose spectra say what is taken of the data.
        data: What is fitted; left out, it is what the inputs of the model name.
        histogram: Which one of a file, instead of what the only spectrum says.

    Raises:
        InputError: An input is not known, or cannot be read, or a spectrum has no data.
    """
    return {name: _source(model, name, one, histogram) for name, one in _each(model, data).items()}


def prepare(model: FitModel, data: Data | None) -> dict[str, Binned | Unbinned]:
    """Returns the data of every spectrum, cut to what is fitted.

    Args:
        model: Which says the ranges and the bins.
        data: What is fitted.

    Raises:
        InputError: A spectrum has no data, or data that cannot be fitted.
    """
    found = {
        name: one
        if isinstance(one, Binned | Unbinned)
        else _cut(model, name, _source(model, name, one).data)
        for name, one in _each(model, data).items()
    }
    _check_bins(model, found)
    return found


def check_histogram(histogram: Hist[Any], part: SpectrumModel, where: str) -> None:
    """Checks that a histogram of a run can be that of a spectrum.

    Args:
        histogram: With entries in all bins.
        part: What is fitted.
        where: What is fitted, for messages.

    Raises:
        InputError: It cannot, such as one of several variables or of other bins.
    """
    try:
        read = spectrum(histogram, dict.fromkeys(histogram.axes[DATASET], False))
    except InputError as error:
        message = f"{where}: {error}"
        raise InputError(message, code=error.code, path=error.path) from error
    binned(read.data, part.observable, part, where=where, allow_negative=True)


def _each(model: FitModel, data: Any) -> dict[str, Any]:
    """Returns what is given for each spectrum."""
    if data is None or isinstance(data, str | Path) or hasattr(data, "histograms"):
        return dict.fromkeys(model.parts, data)
    given = data if isinstance(data, Mapping) else {next(iter(model.parts)): data}
    where = f"fit {model.name}"
    for name in given:
        if name not in model.parts:
            message = (
                f"{where}: data are given for {name!r}{suggest(name, model.parts)}; its "
                f"spectra are {', '.join(model.parts)}"
            )
            raise InputError(message, code="fit.unknown-spectrum", path=name)
    if missing := [name for name in model.parts if name not in given]:
        message = f"{where}: no data are given for {', '.join(missing)}"
        raise InputError(message, code="fit.no-data", path=missing[0])
    return {name: given[name] for name in model.parts}


def _source(model: FitModel, name: str, given: Any, histogram: str | None = None) -> Source:
    """Returns what is given for one spectrum as a source, after reading it if it is a file."""
    if isinstance(given, Source):
        return given
    if given is None or isinstance(given, str | Path):
        return _read(model, name, given, histogram)
    if hasattr(given, "histograms"):
        return _of_run(model, name, given, histogram)
    return _in_memory(model, name, given)


def _of_run(model: FitModel, name: str, given: RunOutput, histogram: str | None) -> Source:
    """Returns what one spectrum takes of the output of a run."""
    part, asked = model.parts[name], model.parts[name].input
    facts = getattr(given, "datasets", None) or read_facts(given.folder)
    era = asked.era if asked else None
    if asked and asked.column and not histogram:
        of = (given.candidates, asked.column, asked.weight, facts, given.name)
        return of_candidates(*of, asked.condition, era)
    wanted = histogram or (asked and asked.histogram) or part.observable.name
    if wanted not in given.histograms:
        hint = suggest(wanted, given.histograms)
        message = (
            f"{_where(model, name)}: {given.name} has no histogram {wanted!r}{hint}; it has "
            f"{listed(given.histograms)}"
        )
        raise InputError(message, code="fit.unknown-histogram", path=wanted)
    return of_histogram(given.histograms[wanted], facts, f"{given.name}:{wanted}", era)


def _in_memory(model: FitModel, name: str, given: Any) -> Source:
    """Returns a histogram, an array of records, or values as a source."""
    part, where = model.parts[name], _where(model, name)
    if hasattr(given, "axes"):
        if DATASET not in getattr(given.axes, "name", ()):
            return Source(given)
        _check_one_dataset(list(given.axes[DATASET]), where)
        return of_histogram(given, None)
    if isinstance(given, ak.Array) and given.fields:
        if DATASET in given.fields:
            _check_one_dataset(np.unique(ak.to_numpy(given[DATASET])).tolist(), where)
        column = (part.input and part.input.column) or part.observable.name
        weight, cut = (part.input.weight, part.input.condition) if part.input else (None, None)
        return of_candidates(given, column, weight, None, where, cut)
    if part.input is not None and part.input.cut is not None:
        message = (
            f"{where}: the cut {part.input.cut!r} needs columns, but only values are given; give "
            "an awkward array of records, or values that are cut already and a model without 'cut'"
        )
        raise InputError(message, code="fit.cut-without-columns", path="input.cut")
    if isinstance(given, ak.Array):
        name = part.observable.name
        found = entries_of({name: given}, name, None, None, f"{where}: the array")
        return Source(found.data, warning=found.warning)
    pair = given if isinstance(given, tuple) else (given, None)
    if len(pair) != 2:
        message = (
            f"{where}: got {len(pair)} things in a tuple; expected values and weights, or the "
            "counts and edges of one variable"
        )
        raise InputError(message, code="fit.not-a-pair", path=part.observable.name)
    values, weights = pair
    if weights is not None and np.size(weights) == np.size(values) + 1:
        return Source(_counts(np.asarray(values), np.asarray(weights), where))
    return Source((values, weights))


def _check_one_dataset(names: list[str], where: str) -> None:
    """Refuses the sum of datasets of which nobody knows which are simulation."""
    if len(names) > 1:
        message = (
            f"{where}: the data are of several datasets ({listed(names)}), and which are "
            "simulation is not known: choose one, or give spectrum(histogram, is_mc)"
        )
        raise InputError(message, code="fit.several-datasets", path=DATASET)


def _counts(counts: np.ndarray, edges: np.ndarray, where: str) -> Hist[Any]:
    """Returns counts and edges, as `np.histogram` has them, as a histogram."""
    import hist

    numbers = all(array.ndim == 1 and array.dtype.kind in "biuf" for array in (counts, edges))
    if not numbers or not np.isfinite(edges).all() or not np.all(np.diff(edges) > 0):
        message = f"{where}: expected counts in bins, and edges that are finite numbers and rise"
        raise InputError(message, code="fit.wrong-edges", path="edges")
    return hist.Hist(hist.axis.Variable(edges), data=counts.astype(np.float64))


def _read(model: FitModel, name: str, file: str | Path | None, histogram: str | None) -> Source:
    part = model.parts[name]
    given = part.input
    path = file or (given and given.file and located(model, given.file))
    if not path:
        message = (
            f"{_where(model, name)}: there are no data: give them by --input, or as 'file' under "
            "'input' of the fit file"
        )
        raise InputError(message, code="fit.no-data", path="input.file")
    asked = {} if given is None else given.asked
    if histogram is not None:
        asked = {"histogram": histogram, "era": asked.get("era")}
    return read_data(path, part.observable, **asked, processor=model.name)


def _cut(model: FitModel, name: str, data: Any) -> Binned | Unbinned:
    part, chi2 = model.parts[name], model.method.loss == "chi2"
    where = _where(model, name)
    if part.input is not None and part.input.cut is not None:
        where = f"{where}, after the cut {part.input.cut!r}"
    if part.input is not None and part.input.binned and not hasattr(data, "axes"):
        values, weights = data
        data = filled(values, weights, part.observable, where=where)
    if hasattr(data, "axes"):
        if part.unbinned:
            message = f"{where}: a histogram is given, but the model fits single entries ('column')"
            raise InputError(message, code="fit.histogram-for-entries", path="input.column")
        return binned(data, part.observable, part, where=where, allow_negative=chi2)
    if chi2:
        message = f"{where}: single entries are given, but chi2 is for histograms"
        raise InputError(message, code="fit.chi2-of-entries", path="method.loss")
    values, weights = data
    return unbinned(values, weights, part.observable, part, where=where)


def _check_bins(model: FitModel, data: Mapping[str, Binned | Unbinned]) -> None:
    """Refuses counts in fewer bins than there are parameters."""
    chi2, number = model.method.loss == "chi2", 0
    for sample in data.values():
        if not isinstance(sample, Binned):
            return
        used = sample.used & (sample.variances > 0) if chi2 else sample.used
        number += int(used.sum())
    if problem := too_few_bins(model, number):
        message = f"fit {model.name}: {problem}"
        raise InputError(message, code="fit.too-few-bins", path="observable.bins")


def _where(model: FitModel, name: str) -> str:
    """Returns what is fitted, for messages."""
    return f"fit {model.name}" if model.spectra is None else f"fit {model.name}, spectrum {name}"
