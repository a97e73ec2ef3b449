"""A trained discriminant: its file, and the scores that it gives."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field

from tau3mu.config.documents import Strict, read_document
from tau3mu.config.input_files import user_path
from tau3mu.discriminant.features import Feature, feature_matrix
from tau3mu.discriminant.folds import fold_of
from tau3mu.discriminant.trees import Trees, trees_of
from tau3mu.errors import InputError
from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Discriminant", "content_hash", "load_discriminant"]

VERSION: Final = 1


class _File(Strict):
    schema_version: int = Field(ge=1, le=VERSION)
    features: tuple[Feature, ...] = Field(min_length=1)
    selection: dict[str, Any]
    training: dict[str, Any]
    models: tuple[dict[str, Any], ...] = Field(min_length=2)
    hash: str


@dataclass(frozen=True)
class Discriminant:
    """Boosted trees for each fold of the events; each has been trained on all other folds.

    Attributes:
        features: The inputs, in their order.
        selection: The parameters of the processor whose candidates it was trained with.
        training: How it was trained, and how well it does.
        models: A model per fold, in XGBoost's JSON format.
        path: Its file; empty if there is none.
    """

    features: tuple[Feature, ...]
    selection: Mapping[str, Any]
    training: Mapping[str, Any]
    models: Sequence[Mapping[str, Any]] = field(repr=False)
    path: str = ""

    @cached_property
    def trees(self) -> list[Trees]:
        """The trees of each fold.

        Raises:
            InputError: A model is damaged, or was trained with other features.
        """
        names = tuple(one.name for one in self.features)
        found = []
        for number, model in enumerate(self.models):
            trees = trees_of(model, f"models.{number}")
            if trees.names != names:
                message = (
                    f"{self.path or 'the discriminant'}: model {number} was trained with the "
                    f"features {', '.join(trees.names)}; the specification has "
                    f"{', '.join(names)}: train it again"
                )
                raise InputError(
                    message, code="discriminant.other-features", path=f"models.{number}"
                )
            found.append(trees)
        return found

    @cached_property
    def hash(self) -> str:
        """A hash of all that scores depend on, and of the training."""
        return content_hash(self._content())

    def scores(
        self, columns: Mapping[str, Any], run: Any, lumi: Any, event: Any
    ) -> npt.NDArray[np.float64]:
        """Returns the score of each candidate, of the trees that have not seen its event.

        Args:
            columns: Of the candidates, by name; one for each feature.
            run: Run numbers, one per candidate.
            lumi: Numbers of luminosity sections.
            event: Numbers of events.

        Raises:
            InputError: A column is not there.
        """
        matrix = feature_matrix(columns, self.features)
        fold = fold_of(run, lumi, event, len(self.models))
        scores = np.empty(len(matrix))
        for number in np.unique(fold):
            here = fold == number
            scores[here] = self.scores_of_fold(int(number), matrix[here], fold[here])
        return scores

    def scores_of_fold(
        self, number: int, matrix: npt.NDArray[np.float32], fold: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Returns the scores that the trees of one fold give to its own events.

        Args:
            number: The fold.
            matrix: The features of candidates, candidates × features.
            fold: The fold of each candidate.

        Raises:
            InputError: A candidate is of another fold: the trees were trained with it.
        """
        if (fold != number).any():
            message = (
                f"{(fold != number).sum()} candidates are of other folds than {number}: the trees "
                "of this fold were trained with them, and would know them again"
            )
            raise InputError(message, code="discriminant.seen-in-training", path=f"models.{number}")
        return self.trees[number].scores(matrix)

    def check_selection(self, selection: Mapping[str, Any], where: str) -> None:
        """Checks that candidates are selected as those of the training.

        Args:
            selection: The parameters of the processor that decide which candidates there are.
            where: What messages call the processor.

        Raises:
            InputError: They differ.
        """
        names = sorted(self.selection.keys() | selection.keys())
        known = json.loads(json.dumps(dict(selection)))
        for name in names:
            then, now = self.selection.get(name), known.get(name)
            if then != now:
                message = (
                    f"{where} has {name} = {json.dumps(now)}; the discriminant "
                    f"{self.path or ''} was trained with {json.dumps(then)}: train it again, or "
                    "select as before"
                )
                raise InputError(message, code="discriminant.other-selection", path=name)

    def save(self, path: Path) -> None:
        """Writes the discriminant as JSON.

        Args:
            path: The file.

        Raises:
            RunError: It cannot be written.
        """
        write_text(path, json_text({**self._content(), "hash": self.hash}))

    def _content(self) -> dict[str, Any]:
        return {
            "schema_version": VERSION,
            "features": [one.model_dump() for one in self.features],
            "selection": dict(self.selection),
            "training": dict(self.training),
            "models": list(self.models),
        }


def load_discriminant(path: str | Path) -> Discriminant:
    """Returns the discriminant of a file.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read, or has been changed since it was written.
    """
    file = user_path(path)
    document = read_document(file, f"discriminant {file}", language="discriminant")
    content = document.validate(_File)
    found = Discriminant(
        content.features, content.selection, content.training, content.models, str(path)
    )
    if found.hash != content.hash:
        message = (
            f"{file} is not what was written after the training: its content has the hash "
            f"{found.hash}, the file says {content.hash}; take the original, or train again"
        )
        raise InputError(message, code="discriminant.changed", path="hash")
    found.trees  # noqa: B018 - a damaged model is an error now, not in a worker
    return found


def content_hash(content: Mapping[str, Any]) -> str:
    """Returns a hash of JSON values.

    Args:
        content: The values.
    """
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
