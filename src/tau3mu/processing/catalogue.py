"""Finds processors by name or file, and lists all that ships; light until one is loaded."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, suggest
from tau3mu.processing.user_code import is_interrupt, place, said
from tau3mu.processing.user_files import import_user_file
from tau3mu.processors import SHIPPED
from tau3mu.storage.names import why_no_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.processing import Processor

__all__ = ["load_processor", "load_processors"]


def load_processors(names: Sequence[str]) -> list[Processor]:
    """Returns the processors that are asked for, in this order.

    Raises:
        InputError: One can't be found or loaded, or two have the same name.
    """
    processors = [load_processor(name) for name in names]
    seen: dict[str, str] = {}
    for asked, processor in zip(names, processors, strict=True):
        if reason := why_no_folder(processor.name):
            message = (
                f"--processor {asked} is called {processor.name!r}, which cannot name its folder: "
                f"{reason}"
            )
            raise InputError(message)
        folder = processor.name.casefold()
        if folder in seen:
            message = (
                f"--processor {seen[folder]} and --processor {asked} are both called "
                f"{processor.name!r}, save for upper and lower case: their results would share a "
                "folder; rename one"
            )
            raise InputError(message)
        seen[folder] = asked
    return processors


def load_processor(name: str) -> Processor:
    """Returns a shipped processor, or one from a Python file.

    Args:
        name: A name such as `dsphipi`, or `path/to/file.py:Class`.

    Raises:
        InputError: There is no such processor, its file fails to import, or it is not one.
    """
    if name in SHIPPED:
        shipped: type[Processor] = getattr(
            importlib.import_module("tau3mu.processors"), SHIPPED[name][0]
        )
        return shipped()
    path, colon, class_name = name.rpartition(":")
    if not colon:
        message = (
            f"unknown processor {name!r}{suggest(name, SHIPPED)}; shipped: {', '.join(SHIPPED)}; "
            "your own is given as path/to/file.py:Class"
        )
        raise InputError(message)
    from tau3mu.processing.behaviors import without_changes

    with without_changes(f"processor file {path}"):
        module = import_user_file(user_path(path), "processor file")
    if not hasattr(module, class_name):
        classes = [key for key, value in vars(module).items() if _is_processor(value)]
        message = (
            f"{path} has no class {class_name!r}{suggest(class_name, classes)}; "
            f"its processors: {', '.join(classes) or 'none'}"
        )
        raise InputError(message)
    return _instance(getattr(module, class_name), name)


def _instance(cls: Any, name: str) -> Processor:
    if not _is_processor(cls):
        message = f"{name} is not a subclass of tau3mu.processing.Processor"
        raise InputError(message)
    columns = getattr(cls, "columns", None)
    if not columns or isinstance(columns, str):
        message = f"{name} does not say what it reads: give it a class attribute `columns`, a set"
        raise InputError(message)
    if missing := sorted(cls.__abstractmethods__):
        message = f"{name} lacks {', '.join(missing)}"
        raise InputError(message)
    try:
        processor: Processor = cls()
    except BaseException as error:  # a user's class may raise anything
        if is_interrupt(error):
            raise
        message = f"{name} can't be made without arguments{place(error)}: {said(error)}"
        raise InputError(message) from error
    _check_record(processor, name)
    return processor


def _check_record(processor: Processor, name: str) -> None:
    """Raises an error if the record of a run, which is written last, could not name its choices."""
    from tau3mu.storage.files import json_text

    try:
        if all(isinstance(column, str) for column in processor.columns):
            json_text({**processor.configuration})
            return
        problem = f"columns are {processor.columns!r}, expected a set of texts"
    except BaseException as error:  # a user's class may raise anything
        if is_interrupt(error):
            raise
        problem = (
            "configuration cannot be recorded, expected a dictionary of JSON values"
            f"{place(error)}: {type(error).__name__}: {error}"
        )
    message = f"{name}: its {problem}"
    raise InputError(message)


def _is_processor(value: Any) -> bool:
    from tau3mu.processing import Processor

    return isinstance(value, type) and issubclass(value, Processor) and value is not Processor
