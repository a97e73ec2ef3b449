"""A fit that was saved, as it was: numbers from `fit.json`, data from `fit.root`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError

from tau3mu.config.input_files import read_text, user_path
from tau3mu.config.syntax import parse_json
from tau3mu.errors import InputError
from tau3mu.fit.data.resolve import resolve
from tau3mu.fit.data.root_files import find_histogram, find_tree, open_root, to_hist
from tau3mu.fit.data.sample import Binned, Unbinned
from tau3mu.fit.data.select import binned
from tau3mu.fit.data.windows import kept
from tau3mu.fit.fitting import result as results
from tau3mu.fit.fitting.result import FitResult
from tau3mu.fit.language import FitModel, model_of

__all__ = ["load_result"]

_NUMBERS = {"value", "edm", "nll", "chi2", "statistic", "p_value", "delta_nll"}


def load_result(folder: str | Path, model_folder: str | Path = Path()) -> FitResult:
    """Returns a fit that was saved, with the same numbers and data.

    Args:
        folder: Where it was saved.
        model_folder: Where the files begin that its model names, such as templates and pdfs of
            users; the current folder, if it is not given.

    Raises:
        InputError: There is no such fit, its files are damaged or do not belong together.
    """
    file = user_path(folder) / "fit.json"
    document = parse_json(read_text(file, "result of a fit"))
    try:
        model = resolve(model_of(document["configuration"], str(file), Path(model_folder)))
        known = {"FitModel": object, "Mapping": Mapping, "Binned": object, "Unbinned": object}
        hints = get_type_hints(FitResult, localns=vars(results) | known)
        found: dict[str, Any] = {
            field.name: TypeAdapter(hints[field.name]).validate_python(
                _with_nan(document[field.name], field.name)
            )
            for field in fields(FitResult)
            if field.name not in ("model", "data")
        }
    except (KeyError, TypeError, ValidationError) as error:
        reason = " ".join(str(error).split())
        message = f"{file} does not hold the result of a fit: {type(error).__name__}: {reason}"
        raise InputError(message, code="fit.damaged-result", path=file) from error
    data = _read_data(file.with_name("fit.root"), model, found["spectra"])
    return FitResult(model=model, data=data, **found)


def _with_nan(value: Any, key: str = "") -> Any:
    """Returns numbers that JSON lacks, which are null there, as NaN."""
    if isinstance(value, dict):
        return {name: _with_nan(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_nan(item) for item in value]
    return math.nan if value is None and key in _NUMBERS else value


def _read_data(
    file: Path, model: FitModel, spectra: Mapping[str, results.SpectrumResult]
) -> dict[str, Binned | Unbinned]:
    data: dict[str, Binned | Unbinned] = {}
    with open_root(str(file)) as content:
        for name, part in model.parts.items():
            folder = f"spectra/{name}/" if len(model.parts) > 1 else ""
            if f"{folder}entries" in content:
                tree = find_tree(content, f"{folder}entries")
                values, weights = (
                    tree[column].array(library="np") if column in tree else None
                    for column in (part.observable.name, f"{part.observable.name}_weight")
                )
                intervals = kept(part.observable.range, part, name)
                outside = int(spectra[name].outside)
                data[name] = Unbinned(np.asarray(values), weights, intervals, outside)
            else:
                histogram = to_hist(find_histogram(content, f"{folder}data"), str(file))
                data[name] = binned(
                    histogram, part.observable, part, where=str(file), allow_negative=True
                )
            if data[name].hash != spectra[name].data_hash:
                message = f"{file} does not hold the data of spectrum {name} in fit.json beside it"
                raise InputError(message, code="fit.files-differ", path=file)
    return data
