"""Turns the configuration files of dq_fitter into fit files."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError
from tau3mu.fit.dq.cosmetics import axis_words, color, mathtext
from tau3mu.fit.dq.data import COLUMN, find_spectrum
from tau3mu.fit.dq.file import read_dq, unused_keys
from tau3mu.fit.dq.parameters import parts_of
from tau3mu.fit.dq.plot import plot_of, windows_of
from tau3mu.fit.language.base import problem
from tau3mu.fit.language.files import model_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.config.documents import Document
    from tau3mu.fit.dq.data import DqSpectrum
    from tau3mu.fit.dq.file import DqFile, DqPdfs
    from tau3mu.fit.dq.parameters import DqParts

__all__ = ["Imported", "import_dq", "write_imported"]

_LINE = 96


@dataclass(frozen=True)
class Imported:
    """A fit file made of a dq_fitter file, and warnings about what is different in it."""

    document: dict[str, Any]
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the fit."""
        return str(self.document["name"])


def write_imported(path: str | Path, folder: str | Path) -> dict[Path, tuple[str, ...]]:
    """Writes the fit files of a dq_fitter file, and returns the warnings of each.

    They end in `.fit.json`, so that they can be written beside the file of dq_fitter.

    Args:
        path: The JSON file of dq_fitter.
        folder: Where the files go; it is made if it is not there.

    Raises:
        InputError: The dq_fitter file cannot be understood, or a file of this name is there.
        RunError: The files cannot be written.
    """
    from tau3mu.storage.files import staged, write_text

    folder = user_path(folder)
    files = {folder / f"{fit.name}.fit.json": fit for fit in import_dq(path, folder)}
    if taken := [str(file) for file in files if file.exists()]:
        message = f"{', '.join(taken)} exists already; give another folder, or move it away"
        raise InputError(message, code="fit.output-exists", path=taken[0])
    with staged(folder) as aside:
        for file, fit in files.items():
            write_text(aside / file.name, _json(fit.document) + "\n")
    return {file: fit.warnings for file, fit in files.items()}


def import_dq(path: str | Path, folder: str | Path | None = None) -> list[Imported]:
    """Returns the fits of a dq_fitter file.

    Each input, fit range and histogram of tails that it lists makes a fit of its own.

    Args:
        path: The JSON file of dq_fitter.
        folder: Where the fit files will be, from which their paths to other files start; left
            out, it is the folder of `path`.

    Raises:
        InputError: The file cannot be understood; the message names its keys that are wrong.
    """
    path = user_path(path)
    folder = path.parent if folder is None else user_path(folder)
    document, file = read_dq(path)
    fits = []
    for variation in _variations(file):
        spectrum = find_spectrum(path, file.input, variation.input, variation.range)
        fit = _import(document, file, variation, spectrum, path, folder)
        model_of(fit.document, f"{path}, as fit file {fit.name}", folder)
        fits.append(fit)
    if repeated := [name for name, n in Counter(fit.name for fit in fits).items() if n > 1]:
        message = f"{path}: two fits would be called {repeated[0]}; its inputs are too much alike"
        raise InputError(message, code="fit.repeated-name", path=path)
    return fits


@dataclass(frozen=True)
class _Variation:
    """One of the fits of a file, and how its name differs from the others'."""

    input: str
    range: tuple[float, float]
    tails: str | None
    name: str


def _variations(file: DqFile) -> Iterator[_Variation]:
    given = file.input
    names = [name for slot in given.pdfs.parameters for name in slot]
    tails = given.tails if any("@" in name for name in names) else []
    ranges = list(zip(given.pdfs.range_min, given.pdfs.range_max, strict=True))
    for name in given.names:
        for low, high in ranges:
            for tail in tails or [None]:
                parts = [
                    *([name] if len(given.names) > 1 else []),
                    *([f"{low:g}_{high:g}".replace(".", "p")] if len(ranges) > 1 else []),
                    *([str(tail)] if len(tails) > 1 else []),
                ]
                yield _Variation(name, (low, high), tail, "_".join(parts))


def _import(
    dq: Document,
    file: DqFile,
    variation: _Variation,
    spectrum: DqSpectrum,
    path: Path,
    folder: Path,
) -> Imported:
    given, pdfs = file.input, file.input.pdfs
    lower, upper = spectrum.range
    parts = parts_of(pdfs, upper - lower, dq)
    components = _components(pdfs, parts)
    windows = windows_of(pdfs, parts)
    plot = plot_of(pdfs, spectrum.highest, parts)
    labels = [component["label"] for component in components.values()]
    label, unit = axis_words(spectrum.title, COLUMN, "GeV")
    observable = {"name": COLUMN, "label": label, "unit": unit, "range": [lower, upper]}
    document: dict[str, Any] = {
        "schema_version": 2,
        "name": _word("_".join(part for part in (path.stem, variation.name) if part)),
        "title": f"{', '.join(labels)} in {variation.input}",
        "description": f"Made of the dq_fitter file {path.name}.",
        "input": {"file": _relative(path, given.file, folder), **spectrum.input},
        "observable": observable | ({"bins": spectrum.bins} if spectrum.bins else {}),
        "parameters": parts.parameters,
        "components": components,
    }
    if any(str(entry.get("value")).startswith("@") for entry in parts.parameters.values()):
        document["labels"] = _labels(dq, file, variation.tails, path, folder)
    if pdfs.method == "chi2":
        document["method"] = {"loss": "chi2"}
    if windows:
        document["windows"] = windows
    if pdfs.splot.run and "column" in spectrum.input:
        document["outputs"] = {"sweights": True}
    document["plot"] = plot
    if pdfs.method is None:
        text = "input.pdf_dictionary.fitMethod: not given; the fit maximizes the likelihood"
        parts.warnings.append(text)
    return Imported(document, (*spectrum.warnings, *parts.warnings, *unused_keys(file)))


def _components(pdfs: DqPdfs, parts: DqParts) -> dict[str, Any]:
    components: dict[str, Any] = {}
    legend, colors = pdfs.legend or [], pdfs.colors or []
    for number, (arguments, yield_) in enumerate(zip(parts.arguments, parts.yields, strict=True)):
        name = pdfs.names[number]
        components[name] = {
            "label": mathtext(legend[number] if number < len(legend) else name),
            "pdf": pdfs.pdf[number],
            "parameters": arguments,
            "yield": yield_,
        }
        if number < len(colors):
            if (code := color(colors[number])) is not None:
                components[name]["color"] = code
            else:
                parts.warnings.append(
                    f"input.pdf_dictionary.pdfColor.{number}: color {colors[number]} is in none "
                    "of ROOT's palettes; plots choose one"
                )
    return components


def _labels(
    dq: Document, file: DqFile, tails: str | None, path: Path, folder: Path
) -> dict[str, str]:
    if file.input.tail_file is None or tails is None:
        message = (
            "missing key; parameters written @label@ take their values from 'tailRootFileName' and "
            "'tailHistNames'"
        )
        key = "tailHistNames" if file.input.tail_file else "tailRootFileName"
        raise dq.error([problem("missing-key", f"input.{key}", message)])
    return {"file": _relative(path, file.input.tail_file, folder), "histogram": tails}


def _relative(path: Path, file: str, folder: Path) -> str:
    """Returns the path of a file beside `path` as seen from `folder`; others stay as they are."""
    if Path(file).is_absolute() or not (path.parent / file).exists():
        return file
    return Path(os.path.relpath(path.parent / file, folder)).as_posix()


def _word(text: str) -> str:
    word = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    return word if word[:1].isalpha() else f"fit_{word}"


def _json(value: Any, indent: int = 0) -> str:
    """Returns JSON in which what is short stands on one line, as in fit files written by hand."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, dict | list) or (indent and indent + len(flat) <= _LINE):
        return flat
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {_json(part, indent + 2)}" for key, part in value.items()]
    else:
        items = [_json(part, indent + 2) for part in value]
    pad = "\n" + " " * (indent + 2)
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}{pad}{f',{pad}'.join(items)}\n{' ' * indent}{last}"
