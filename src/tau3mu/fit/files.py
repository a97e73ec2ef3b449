"""Fit files: which are shipped, and how one is read with exact errors."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tau3mu.errors import InputError, suggest
from tau3mu.fit.model import Component, FitModel, Observable, Parameter, Stage, Starts

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

__all__ = ["load_model", "shipped_fits"]

_PARTS: dict[str, type[BaseModel]] = {
    "observable": Observable,
    "parameters": Parameter,
    "components": Component,
    "stages": Stage,
    "starts": Starts,
}


def shipped_fits() -> list[str]:
    """Returns the names of the fits that come with the package."""
    names = (item.name for item in files("tau3mu.fits").iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def load_model(name_or_file: str) -> FitModel:
    """Returns the checked model of a shipped fit or of a JSON file.

    Raises:
        InputError: There is no such fit or file, or the file does not say what a fit file must;
            the message names every key that is wrong.
    """
    if name_or_file in shipped_fits():
        source = f"{name_or_file}.json"
        return _parse((files("tau3mu.fits") / source).read_text("utf-8"), source)
    path = Path(name_or_file)
    if path.suffix != ".json":
        known = shipped_fits()
        message = (
            f"unknown fit {name_or_file!r}{suggest(name_or_file, known)}; "
            f"shipped: {', '.join(known)}; or give a file that ends in .json"
        )
        raise InputError(message)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        message = f"cannot read the fit file {path}: {reason}"
        raise InputError(message) from error
    return _parse(text, str(path))


def _parse(text: str, source: str) -> FitModel:
    try:
        json.loads(text, object_pairs_hook=_refuse_duplicates)
        return FitModel.model_validate_json(text)
    except json.JSONDecodeError as error:
        message = f"{source}, line {error.lineno}, column {error.colno}: no valid JSON: {error.msg}"
        raise InputError(message) from error
    except _DuplicateKeyError as error:
        message = f"{source}: the key {error.args[0]!r} is given twice in the same place"
        raise InputError(message) from error
    except ValidationError as error:
        message = "\n".join(f"{source}: {_explain(detail)}" for detail in error.errors())
        raise InputError(message) from error


class _DuplicateKeyError(Exception):
    """JSON itself would keep the last of two equal keys in silence."""


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise _DuplicateKeyError(key)
        document[key] = value
    return document


def _explain(detail: ErrorDetails) -> str:
    """Returns one line: the path of the key, what is wrong with it, what is allowed."""
    keys = [str(key) for key in detail["loc"] if key != "[key]"]
    if detail["type"] == "fit":
        at = detail["ctx"]["at"]
        return _line([*keys, at] if at else keys, detail["msg"])
    if detail["type"] == "extra_forbidden":
        *above, last = keys
        part = _PARTS[above[0]] if above else FitModel
        known = [field.alias or name for name, field in part.model_fields.items()]
        problem = f"unknown key {last!r}{suggest(last, known)}; allowed: {', '.join(known)}"
        return _line(above, problem)
    if detail["type"] == "missing":
        *above, last = keys
        return _line(above, "two numbers belong here" if last == "1" else f"missing key {last!r}")
    given = json.dumps(detail["input"], ensure_ascii=False, default=str)
    return _line(keys, f"{detail['msg'][0].lower()}{detail['msg'][1:]}, not {given}")


def _line(keys: list[str], problem: str) -> str:
    return f"{'.'.join(keys)}: {problem}" if keys else problem
