"""Fit files: which ones are shipped, and how they are read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tau3mu.config.input_files import read_text, user_path
from tau3mu.config.syntax import check_depth, parse_json
from tau3mu.errors import InputError, suggest
from tau3mu.fit.language.base import problem
from tau3mu.fit.language.checks import contradictions
from tau3mu.fit.language.explain import input_error, problems_of
from tau3mu.fit.language.model import FitModel
from tau3mu.fit.pdfs import PDFS, find_user_pdf, load_user_pdf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.fit.pdfs import Pdf

__all__ = ["load_model", "model_of", "read_document", "shipped_fits"]

SUFFIXES = (".json", ".yaml", ".yml")
SEARCH_PATH = "TAU3MU_PDF_PATH"


def shipped_fits() -> list[str]:
    """Returns the names of the fits that come with the package."""
    names = (item.name for item in files("tau3mu.fits").iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def load_model(fit: str | Path | Mapping[str, Any]) -> FitModel:
    """Returns the checked model of a shipped fit, of a JSON or YAML file, or of a document.

    Args:
        fit: The name of a shipped fit, a file, or the document of a fit file as a dictionary. In a
            dictionary, the paths to other files start from the current folder.

    Raises:
        InputError: There is no such fit or file, or its content is wrong; the message names every
            wrong key.
    """
    if isinstance(fit, Mapping):
        return model_of(fit, "the given fit", Path())
    return model_of(*read_document(fit))


def read_document(name_or_file: str | Path) -> tuple[dict[str, Any], str, Path]:
    """Returns the document of a shipped fit or of a file, its name for messages, and its folder.

    Raises:
        InputError: There is no such fit or file, or it is neither JSON nor YAML.
    """
    if name_or_file in shipped_fits():
        source = f"{name_or_file}.json"
        text = (files("tau3mu.fits") / source).read_text("utf-8")
        return _parse_json(text, source), source, Path()
    path = user_path(name_or_file)
    if path.suffix not in SUFFIXES:
        known = shipped_fits()
        message = (
            f"unknown fit {str(name_or_file)!r}{suggest(str(name_or_file), known)}; expected a "
            f"shipped fit ({', '.join(known)}) or a file that ends in {', '.join(SUFFIXES)}"
        )
        raise InputError(message, code="fit.unknown-fit", path=name_or_file)
    text = read_text(path, "fit file")
    parse = _parse_json if path.suffix == ".json" else _parse_yaml
    return parse(text, str(path)), str(path), path.parent


def model_of(document: Mapping[str, Any], source: str, folder: Path) -> FitModel:
    """Returns the checked model of a document.

    Args:
        document: The content of a fit file.
        source: Its name, for messages.
        folder: Where pdfs of users are looked for first; then in `TAU3MU_PDF_PATH`.

    Raises:
        InputError: The document is wrong; the message names every wrong key.
    """
    if document.get("schema_version") == 1:
        message = (
            "expected 2, got 1, which is of an older tau3mu; in 2, 'histogram' stands under "
            "'input', and 'stages' and 'starts' stand under 'method'"
        )
        raise input_error([problem("old-version", "schema_version", message)], source)
    pdfs = _user_pdfs(document, folder)
    try:
        model = FitModel.model_validate(dict(document), context={"pdfs": pdfs, "folder": folder})
    except ValidationError as error:
        raise input_error(problems_of(error), source) from error
    if problems := contradictions(model):
        raise input_error(problems, source)
    return model


def _user_pdfs(document: Mapping[str, Any], folder: Path) -> dict[str, Pdf]:
    """Returns the user-defined pdfs that a document names."""
    folders = [folder, *(Path(p) for p in os.environ.get(SEARCH_PATH, "").split(os.pathsep) if p)]
    components = [part.get("components") for part in _spectra(document)]
    found = {name: find_user_pdf(name, folders) for name in _pdf_names(components)}
    return {name: load_user_pdf(path) for name, path in found.items() if path is not None}


def _spectra(document: Mapping[str, Any]) -> list[Any]:
    spectra = document.get("spectra")
    several = spectra.values() if isinstance(spectra, dict) else ()
    return [part for part in (document, *several) if isinstance(part, dict)]


def _pdf_names(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        name = part.get("pdf")
        if isinstance(name, str) and name.isidentifier() and name not in PDFS:
            yield name
    for value in part.values() if isinstance(part, dict) else part:
        if isinstance(value, dict | list):
            yield from _pdf_names(value)


def _parse_json(text: str, source: str) -> dict[str, Any]:
    try:
        document = parse_json(text, object_pairs_hook=_without_duplicates)
    except InputError as error:
        if isinstance(at := error.__cause__, json.JSONDecodeError):
            raise _unreadable(source, "not valid JSON: " + at.msg, (at.lineno, at.colno)) from error
        raise _unreadable(source, str(error)) from error
    return _mapping(document, source)


def _parse_yaml(text: str, source: str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        document = _mapping(YAML(typ="safe", pure=True).load(text), source)
        check_depth(document)
        # Through JSON, since YAML also has dates and keys that are not text.
        return dict(json.loads(json.dumps(document)))
    except MarkedYAMLError as error:
        mark, problem = error.problem_mark, error.problem
        reason = f"not valid YAML for a fit: {problem}{_yaml_hint(problem)}"
        raise _unreadable(source, reason, (mark.line + 1, mark.column + 1)) from error
    except InputError as error:
        raise error if error.code else _unreadable(source, str(error)) from error
    except RecursionError as error:
        raise _unreadable(source, "nests too deeply") from error
    except (YAMLError, TypeError, ValueError) as error:
        reason = f"not valid YAML for a fit: {' '.join(str(error).split())}"
        raise _unreadable(source, reason) from error


def _unreadable(source: str, reason: str, place: tuple[int, int] | None = None) -> InputError:
    """Returns the error for a text that is neither JSON nor YAML, with line and column if known."""
    where = f"{source}, line {place[0]}, column {place[1]}" if place else source
    return InputError(f"{where}: {reason}", code="fit.unreadable-file", path=source)


def _yaml_hint(problem: str) -> str:
    """Returns what to do about what most often goes wrong in YAML."""
    if problem.startswith(("found character '@'", "found character '`'", "found character '%'")):
        return "; a text that begins with this needs quotes"
    if problem.startswith("mapping values") or problem.endswith("but got ':'"):
        return "; a text with ': ' in it needs quotes"
    return ""


def _mapping(document: Any, source: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        message = "expected an object with keys such as 'schema_version' and 'name'"
        raise input_error([problem("wrong-type", "", message)], source)
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object of JSON, which itself would keep the last of two equal keys in silence."""
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        message = f"the key {repeated!r} is given twice in the same place"
        raise InputError(message, code="fit.repeated-key", path=repeated)
    return document
