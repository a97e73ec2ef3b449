"""Trials files: a fit, and the ways in which it is varied.

A trial takes one option of each variation. An option is a JSON Merge Patch (RFC 7386) of the fit
file: what it says replaces or adds a key, null takes one away, and a list is replaced as a whole.
The patches are applied in the order of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from tau3mu.config.documents import Document, read_document
from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, suggest
from tau3mu.fit.language.base import Name, Strict, problem
from tau3mu.fit.language.files import SUFFIXES, model_of, read_fit, shipped_fits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tau3mu.fit.language.model import FitModel

__all__ = ["Trial", "Trials", "TrialsFile", "load_trials", "merge_patch"]

Option = Annotated[str, Field(min_length=1)]


class TrialsFile(Strict):
    """The document of a trials file."""

    schema_version: Literal[1] = Field(description="Of trials files.")
    name: Name = Field(description="Of the trials.")
    title: str = Field(description="The title of the plots.")
    description: str = Field("", description="Free text.")
    base: str | dict[str, Any] = Field(
        description="A shipped fit, the path of a fit file relative to this file, or a fit itself."
    )
    quantities: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="The parameters and derived quantities that are compared."
    )
    variations: Annotated[
        dict[Name, Annotated[dict[Option, dict[str, Any]], Field(min_length=1)]],
        Field(min_length=1),
    ] = Field(
        description="For each variation its options by name, and what each changes in the fit "
        "file; {} changes nothing."
    )


@dataclass(frozen=True)
class Trial:
    """One way to fit: the option of each variation, and the model that follows."""

    options: dict[str, str]
    model: FitModel

    @property
    def label(self) -> str:
        """The names of the options."""
        return " / ".join(self.options.values())


@dataclass(frozen=True)
class Trials:
    """All trials of a file, checked."""

    file: TrialsFile
    document: dict[str, Any]
    trials: tuple[Trial, ...]


def load_trials(path: str | Path) -> Trials:
    """Returns all combinations of the options of a trials file, each checked like a fit file.

    The fits are made with the NumPy evaluator, whatever `method.engine` says.

    Args:
        path: A JSON or YAML file.

    Raises:
        InputError: The file, or the model of a trial, does not say what it must; the message
            names the file, the trial and every key that is wrong.
    """
    path = user_path(path)
    if path.suffix not in SUFFIXES:
        message = f"{path}: expected a trials file that ends in {', '.join(SUFFIXES)}"
        raise InputError(message, code="fit.wrong-suffix", path=path)
    document = read_document(path, "trials file", language="fit")
    file = document.validate(TrialsFile)
    base, folder = _base(document, path.parent)
    variations = file.variations
    trials = []
    for names in product(*variations.values()):
        options = dict(zip(variations, names, strict=True))
        changed = base
        for variation, name in options.items():
            changed = merge_patch(changed, variations[variation][name])
        source = f"{document.source}, trial {' / '.join(names)}"
        trial = Trial(options, _model(changed, source, folder))
        _check_quantities(document, file.quantities, trial)
        trials.append(trial)
    return Trials(file, dict(document.content), tuple(trials))


def merge_patch(target: Any, patch: Any) -> Any:
    """Returns a JSON document after a merge patch (RFC 7386); neither is changed.

    Args:
        target: The document.
        patch: Its changes.
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _base(document: Document, folder: Path) -> tuple[dict[str, Any], Path]:
    """Returns the fit file that is varied, and the folder from which its paths start."""
    base = document.content["base"]
    if isinstance(base, dict):
        return base, folder
    try:
        found, base_folder = read_fit(base if base in shipped_fits() else folder / user_path(base))
    except InputError as error:
        message = f"{document.source}: base: {error}"
        raise InputError(message, code=error.code, path="base") from error
    return dict(found.content), base_folder


def _model(document: Any, source: str, folder: Path) -> FitModel:
    model = model_of(document, source, folder)
    method = model.method.model_copy(update={"engine": "numpy"})
    return model.model_copy(update={"method": method})


def _check_quantities(document: Document, quantities: Iterable[str], trial: Trial) -> None:
    model = trial.model
    known = list(dict.fromkeys([*model.parameters, *model.yields, *model.derived]))
    for name in quantities:
        if name not in known:
            message = (
                f"trial {trial.label} has no {name!r}{suggest(name, known)}; it has "
                f"{', '.join(known)}"
            )
            raise document.error([problem("undefined-parameter", "quantities", message)])
