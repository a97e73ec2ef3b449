"""What JSON values and fits name: texts, files, and the modules of users' pdfs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tau3mu.processing.user_code import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from tau3mu.fit import FitModel

__all__ = ["moved_texts", "named_files", "pdf_modules", "texts_in"]


def texts_in(value: Any) -> set[str]:
    """Returns all texts within JSON values that are not keys."""
    if isinstance(value, str):
        return {value}
    items = value.values() if isinstance(value, dict) else value
    nested = isinstance(value, dict | list | tuple)
    return {text for item in items for text in texts_in(item)} if nested else set()


def named_files(value: Any) -> set[str]:
    """Returns the files that a fit names: texts under the key `file`, without URLs."""
    if isinstance(value, list | tuple):
        return {text for item in value for text in named_files(item)}
    if not isinstance(value, dict):
        return set()
    own = {text for text in [value.get("file")] if isinstance(text, str) and "://" not in text}
    return own.union(*map(named_files, value.values()))


def pdf_modules(model: FitModel) -> list[ModuleType]:
    """Returns the modules of a fit's users' pdfs, with what these import."""
    shapes = [
        shape
        for part in model.parts.values()
        for component in part.components.values()
        for _, shape in component.shapes()
    ]
    functions = [
        getattr(shape.definition.formula, "function", None) for shape in shapes if shape.definition
    ]
    names = {str(getattr(function, "__module__", "")) for function in functions}
    packages = {name.partition(".")[0] for name in names if name.startswith(PREFIX)}
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.partition(".")[0] in packages and getattr(module, "__file__", None)
    ]


def moved_texts(value: Any, moved: Mapping[str, str]) -> Any:
    """Returns JSON values in which texts that name files name their copies."""
    if isinstance(value, str):
        return moved.get(value, value)
    if isinstance(value, dict):
        return {key: moved_texts(item, moved) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [moved_texts(item, moved) for item in value]
    return value
