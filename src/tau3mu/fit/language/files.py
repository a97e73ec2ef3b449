"""Fit files: which ones are shipped, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.documents import Document, read_document
from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, suggest
from tau3mu.fit.language.base import problem
from tau3mu.fit.language.checks import contradictions
from tau3mu.fit.language.model import FitModel
from tau3mu.fit.pdfs import PDFS, find_user_pdf, load_user_pdf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.fit.pdfs import Pdf

__all__ = ["checked", "load_model", "model_of", "read_fit", "shipped_fits"]

SUFFIXES = (".json", ".yaml", ".yml")
SEARCH_PATH = "TAU3MU_PDF_PATH"


def shipped_fits() -> list[str]:
    """Returns the names of the fits that come with the package."""
    names = (item.name for item in files("tau3mu.fits").iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def load_model(fit: str | Path | Mapping[str, Any]) -> FitModel:
    """Returns the checked model of a shipped fit, of a JSON or YAML file, or of a document.

    Args:
        fit: The name of a shipped fit, a file, or the content of a fit file as a dictionary. In a
            dictionary, the paths to other files start from the current folder.

    Raises:
        InputError: There is no such fit or file, or its content is wrong; the message names every
            wrong key.
    """
    if isinstance(fit, Mapping):
        return model_of(fit, "the given fit", Path())
    return checked(*read_fit(fit))


def read_fit(name_or_file: str | Path) -> tuple[Document, Path]:
    """Returns the document of a shipped fit or of a file, and the folder of the file.

    Args:
        name_or_file: The name of a shipped fit, or a JSON or YAML file.

    Raises:
        InputError: There is no such fit or file, or it is neither JSON nor YAML.
    """
    if name_or_file in shipped_fits():
        shipped = Path(str(files("tau3mu.fits") / f"{name_or_file}.json"))
        return read_document(shipped, "fit file", language="fit"), Path()
    path = user_path(name_or_file)
    if path.suffix not in SUFFIXES:
        known = shipped_fits()
        message = (
            f"unknown fit {str(name_or_file)!r}{suggest(str(name_or_file), known)}; expected a "
            f"shipped fit ({', '.join(known)}) or a file that ends in {', '.join(SUFFIXES)}"
        )
        raise InputError(message, code="fit.unknown-fit", path=name_or_file)
    return read_document(path, "fit file", language="fit"), path.parent


def model_of(content: Mapping[str, Any], source: str, folder: Path) -> FitModel:
    """Returns the checked model of a document.

    Args:
        content: Of a fit file.
        source: Its name, for messages.
        folder: Where user-defined pdfs are looked for first; then in `TAU3MU_PDF_PATH`.

    Raises:
        InputError: The document is wrong; the message names every wrong key.
    """
    return checked(Document(dict(content), source, "fit"), folder)


def checked(document: Document, folder: Path) -> FitModel:
    """Returns the checked model of a document; see `model_of`.

    Args:
        document: A fit file.
        folder: Where user-defined pdfs are looked for first.
    """
    if document.content.get("schema_version") == 1:
        message = (
            "expected 2, got 1, which is of an older tau3mu; in 2, 'histogram' stands under "
            "'input', and 'stages' and 'starts' stand under 'method'"
        )
        raise document.error([problem("old-version", "schema_version", message)])
    pdfs = _user_pdfs(document.content, folder)
    model = document.validate(FitModel, context={"pdfs": pdfs, "folder": folder})
    if problems := contradictions(model):
        raise document.error(problems)
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
