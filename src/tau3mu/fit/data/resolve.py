"""Reads what a model names: the values of its labels, and the shapes of its templates."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, suggest
from tau3mu.fit.data.labelled import read_labelled
from tau3mu.fit.data.readers import read_data
from tau3mu.fit.data.select import binned, unbinned
from tau3mu.fit.language import model_of
from tau3mu.fit.pdfs import histogram_template, kde_template

if TYPE_CHECKING:
    from tau3mu.fit.data.source import Values
    from tau3mu.fit.language import FitModel, Shape, SpectrumModel
    from tau3mu.fit.pdfs import Pdf

__all__ = ["located", "resolve"]


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


def located(model: FitModel, file: str) -> str:
    """Returns where a file is that a model names; URLs stay as they are."""
    return file if "://" in file else str(model.folder / user_path(file))


def _with_labels(model: FitModel) -> FitModel:
    labels = model.labels
    if labels is None:
        return model
    known = read_labelled(located(model, labels.file), labels.histogram)
    document: dict[str, Any] = model.to_dict()
    for name, parameter in model.parameters.items():
        if (label := parameter.label) is None:
            continue
        if label not in known:
            message = (
                f"fit {model.name}: parameters.{name}: {labels.file}:{labels.histogram} has no "
                f"label {label!r}{suggest(label, known)}; it has {', '.join(known)}"
            )
            raise InputError(message, code="fit.unknown-label", path=f"parameters.{name}")
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
        raise InputError(message, code="fit.missing-template-file", path="template")
    path = located(model, given.file)
    read = read_data(path, part.observable, **given.asked)
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
