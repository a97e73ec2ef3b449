"""Model files are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.config.documents import Document, read_document
from tau3mu.limits.language.model import LimitModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["load_model", "model_of"]


def load_model(path: str | Path) -> LimitModel:
    """Returns the model of a file.

    Args:
        path: A JSON or YAML file.

    Raises:
        InputError: It cannot be read or is not a model; the message names all keys that are wrong.
    """
    return read_document(path, "limit model", language="limits").validate(LimitModel)


def model_of(content: Mapping[str, Any], source: str = "limit model") -> LimitModel:
    """Returns the model of a dictionary with the content of a file.

    Args:
        content: As in a file.
        source: What messages call it.

    Raises:
        InputError: It is not a model.
    """
    return Document(dict(content), source, language="limits").validate(LimitModel)
