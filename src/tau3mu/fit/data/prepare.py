"""From what a user gives to what is fitted: a model without loose ends, data in its ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, suggest
from tau3mu.fit.data.labelled import read_labelled
from tau3mu.fit.data.readers import read_data
from tau3mu.fit.data.results import spectrum
from tau3mu.fit.data.sample import Binned, Unbinned
from tau3mu.fit.data.select import binned, unbinned
from tau3mu.fit.language import model_of
from tau3mu.fit.language.values import too_few_bins
from tau3mu.fit.pdfs import histogram_template, kde_template

if TYPE_CHECKING:
    from hist import Hist

    from tau3mu.fit.data.source import Source, Values
    from tau3mu.fit.language import FitModel, Shape, SpectrumModel
    from tau3mu.fit.pdfs import Pdf

    One: TypeAlias = Hist[Any] | np.ndarray | tuple[np.ndarray, np.ndarray | None]
    Data: TypeAlias = One | Mapping[str, One]

__all__ = ["check_histogram", "prepare", "resolve", "sources"]


def resolve(model: FitModel) -> FitModel:
    """Returns the model with the values of its labels and the shapes of its templates.

    Raises:
        InputError: A file that it names cannot be read, or has not what is asked of it.
    """
    if model.labels is not None:
        model = _with_labels(model)
    for part in model.parts.values():
        for component in part.components.values():
            for _, shape in component.shapes():
                if shape.template is not None and shape.definition is None:
                    shape.define(_template(shape, part, model))
    return model


def prepare(model: FitModel, data: Data) -> dict[str, Binned | Unbinned]:
    """Returns the data of every spectrum, cut to what is fitted.

    Args:
        model: Which says the ranges and the bins.
        data: A histogram, or values with or without weights; for several spectra by their names.

    Raises:
        InputError: A spectrum has no data, or data that cannot be fitted.
    """
    given = data if isinstance(data, Mapping) else {next(iter(model.parts)): data}
    for name in given:
        if name not in model.parts:
            message = (
                f"fit {model.name}: data are given for {name!r}{suggest(name, model.parts)}; its "
                f"spectra are {', '.join(model.parts)}"
            )
            raise InputError(message)
    if missing := [name for name in model.parts if name not in given]:
        message = f"fit {model.name}: no data are given for {', '.join(missing)}"
        raise InputError(message)
    found = {name: _cut(model, name, given[name]) for name in model.parts}
    _check_bins(model, found)
    return found


def sources(
    model: FitModel, file: str | None = None, histogram: str | None = None
) -> dict[str, Source]:
    """Returns what the inputs of a model name, as it was read.

    Args:
        model: Whose spectra say what is read.
        file: Where from, instead of what they say.
        histogram: Which one, instead of what the only spectrum says.

    Raises:
        InputError: An input is not known, or cannot be read.
    """
    return {name: _read(model, name, file, histogram) for name in model.parts}


def _read(model: FitModel, name: str, file: str | None, histogram: str | None) -> Source:
    part = model.parts[name]
    given = part.input
    path = file or (given and given.file and _located(model, given.file))
    if not path:
        message = (
            f"{_where(model, name)}: there are no data: give them by --input, or as 'file' under "
            "'input' of the fit file"
        )
        raise InputError(message)
    asked: dict[str, Any] = {} if given is None else given.model_dump(exclude={"file"})
    if histogram is not None:
        asked = {"histogram": histogram}
    return read_data(path, part.observable, **asked, processor=model.name)


def _cut(model: FitModel, name: str, data: Any) -> Binned | Unbinned:
    part = model.parts[name]
    where = _where(model, name)
    if isinstance(data, Binned | Unbinned):
        return data
    if hasattr(data, "axes"):
        if part.input is not None and part.input.column is not None:
            message = f"{where}: a histogram is given, but the model fits single entries ('column')"
            raise InputError(message)
        chi2 = model.method.loss == "chi2"
        return binned(data, part.observable, part, where=where, allow_negative=chi2)
    if model.method.loss == "chi2":
        message = f"{where}: single entries are given, but chi2 is for histograms"
        raise InputError(message)
    values, weights = data if isinstance(data, tuple) else (data, None)
    if weights is not None and np.size(weights) == np.size(values) + 1:
        message = (
            f"{where}: {np.size(values)} values with {np.size(weights)} weights are given, which "
            "looks like the counts and edges of np.histogram; give these as a histogram, "
            "hist.Hist(hist.axis.Variable(edges), data=counts)"
        )
        raise InputError(message)
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
        raise InputError(message)


def _where(model: FitModel, name: str) -> str:
    """Returns what is fitted, for messages."""
    return f"fit {model.name}" if model.spectra is None else f"fit {model.name}, spectrum {name}"


def _located(model: FitModel, file: str) -> str:
    """Returns where a file is that a model names; URLs stay as they are."""
    return file if "://" in file else str(model.folder / user_path(file))


def _with_labels(model: FitModel) -> FitModel:
    labels = model.labels
    if labels is None:
        return model
    known = read_labelled(_located(model, labels.file), labels.histogram)
    document: dict[str, Any] = model.to_dict()
    for name, parameter in model.parameters.items():
        if (label := parameter.label) is None:
            continue
        if label not in known:
            message = (
                f"fit {model.name}: parameters.{name}: {labels.file}:{labels.histogram} has no "
                f"label {label!r}{suggest(label, known)}; it has {', '.join(known)}"
            )
            raise InputError(message)
        entry = document["parameters"][name]
        entry["value"] = known[label][0]
        entry["fixed"] = parameter.limits is None or parameter.fixed
    del document["labels"]
    source = f"fit {model.name} with the values of {labels.file}:{labels.histogram}"
    return model_of(document, source, model.folder)


def _template(shape: Shape, part: SpectrumModel, model: FitModel) -> Pdf:
    """Returns the pdf of a template, named after what is in it."""
    given = shape.template
    if given is None or given.file is None:
        message = f"fit {model.name}: a template needs a file"
        raise InputError(message)
    path = _located(model, given.file)
    asked = given.model_dump(exclude={"file"})
    read = read_data(path, part.observable, **asked)
    where = f"fit {model.name}, template {read.name}"
    whole = _Everything()
    if given.histogram is not None:
        sample = binned(
            read.data, part.observable.model_copy(update={"bins": None}), whole, where=where
        )
        pdf, digest = histogram_template(sample.edges, sample.contents), sample.hash
    else:
        values, weights = cast("Values", read.data)
        entries = unbinned(values, weights, part.observable, whole, where=where)
        pdf = kde_template(entries.values, entries.weights, part.observable.range)
        digest = entries.hash
    return replace(pdf, name=f"{shape.pdf}_{hashlib.sha256(digest.encode()).hexdigest()[:12]}")


class _Everything:
    """Windows that leave nothing out."""

    ranges: tuple[tuple[float, float], ...] = ()
    blind: tuple[tuple[float, float], ...] = ()


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
        read = spectrum(histogram, dict.fromkeys(histogram.axes["dataset"], False))
    except InputError as error:
        message = f"{where}: {error}"
        raise InputError(message) from error
    binned(read.data, part.observable, part, where=where, allow_negative=True)
