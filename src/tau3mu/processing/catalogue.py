"""Finds processors by name, in installed packages, or in files of users."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, Tau3muError, suggest
from tau3mu.processing.assignments import assigned, variant_of
from tau3mu.processing.user_code import said, user_errors, what
from tau3mu.processing.user_files import import_user_file
from tau3mu.storage.names import why_no_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tau3mu.processing import Processor

__all__ = [
    "GROUP",
    "checked_class",
    "create",
    "installed_name",
    "installed_processors",
    "load_class",
    "load_processor",
    "load_processors",
]

GROUP = "tau3mu.processors"
"""The entry points by which packages register their processors."""

_SHIPPED = {
    "dsphipi": "tau3mu.processors:DsPhiPi",
    "dsphipi_notebook": "tau3mu.processors:DsPhiPiNotebook",
}


def load_processors(
    asked: Sequence[str | Processor], *, values: Sequence[str] = (), variants: Sequence[str] = ()
) -> list[Processor]:
    """Returns the processors of a run, in the order in which they are asked for.

    Args:
        asked: Names of installed processors, `path/to/file.py:Class`, or instances.
        values: Parameters of processors, each `PROCESSOR.KEY[.KEY]=VALUE`.
        variants: Processors with other parameters that run too, each
            `NAME:[PROCESSOR.]KEY=VALUE,…`.

    Raises:
        InputError: One cannot be found or created, or two have the same name.
    """
    for one in asked:
        if not isinstance(one, str) and not _is_processor(type(one)):
            message = f"{one!r} is not a processor: give instances, such as DsPhiPi()"
            raise InputError(message, code="processor.no-processor")
    classes = [load_class(one) if isinstance(one, str) else None for one in asked]
    names = [
        str(one.name if cls is None else cls.name)  # type: ignore[union-attr]
        for one, cls in zip(asked, classes, strict=True)
    ]
    patches = assigned(values, names)
    processors: list[Processor] = []
    for one, cls, name in zip(asked, classes, names, strict=True):
        patch = patches.get(name, {})
        if cls is not None:
            processors.append(create(cls, str(one), patch))
        else:
            assert not isinstance(one, str)
            processors.append(_variant(one, name, patch, f"--set of {name}") if patch else one)
    labels = [one if isinstance(one, str) else one.name for one in asked]
    base = dict(zip(names, processors, strict=True))
    for text in variants:
        name, of, patch = variant_of(text, names)
        processors.append(_variant(base[of], name, patch, f"--variant {text}"))
        labels.append(text)
    _check_names(processors, labels)
    for processor, label in zip(processors, labels, strict=True):
        _check_record(processor, label)
    return processors


def load_processor(name: str) -> Processor:
    """Returns an installed processor, or one from a Python file, with its default parameters.

    Args:
        name: A name such as `dsphipi`, or `path/to/file.py:Class`.

    Raises:
        InputError: There is no such processor, its file fails to import, or it is not one.
    """
    return load_processors([name])[0]


def installed_processors() -> dict[str, EntryPoint]:
    """Returns the processors that ship and those that other packages register, by name.

    Raises:
        InputError: Two packages register different processors under one name.
    """
    found = {name: EntryPoint(name, value, GROUP) for name, value in _SHIPPED.items()}
    for point in entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            message = (
                f"two installed packages have a processor {point.name!r}: {other.value} and "
                f"{point.value}; uninstall one"
            )
            raise InputError(message, code="processor.ambiguous-name", path=point.name)
    return found


def load_class(name: str) -> type[Processor]:
    """Returns the class of an installed processor, or one from a Python file.

    Raises:
        InputError: There is no such processor, its file fails to import, or it is not one.
    """
    return checked_class(_from_file(name) if ":" in name else _installed(name), name)


def installed_name(cls: type[Processor]) -> str | None:
    """Returns the name by which a class is installed, None if it is not."""
    point = installed_processors().get(str(getattr(cls, "name", "")))
    # What cannot be imported is not this class, which has been.
    module = sys.modules.get(point.module) if point else None
    found = attrgetter(point.attr)(module) if point and module else None
    return point.name if point and found is cls else None


def checked_class(cls: Any, name: str) -> type[Processor]:
    """Returns a class after a check that it is that of a processor.

    Args:
        cls: What was found.
        name: By which it was asked for.

    Raises:
        InputError: It is not.
    """
    if not _is_processor(cls):
        message = f"{name} is not a subclass of tau3mu.processing.Processor"
        raise InputError(message, code="processor.no-processor", path=name)
    columns = getattr(cls, "columns", None)
    if not columns or isinstance(columns, str):
        message = f"{name} does not say what it reads: give it a class attribute `columns`, a set"
        raise InputError(message, code="processor.no-columns", path=name)
    if missing := sorted(cls.__abstractmethods__):
        message = f"{name} lacks {', '.join(missing)}"
        raise InputError(message, code="processor.no-select", path=name)
    found: type[Processor] = cls
    return found


def create(
    cls: type[Processor], label: str, patch: Mapping[str, Any], *, name: str | None = None
) -> Processor:
    """Returns a processor of a class, with some parameters.

    Args:
        cls: As from `load_class`.
        label: What it is called in messages.
        patch: Values of parameters other than the defaults.
        name: Names its results; by default that of the class.

    Raises:
        InputError: There is no such parameter, or it cannot be created.
    """
    _refuse_name(label, patch)
    given = {**patch} if name is None else {**patch, "name": name}
    with user_errors(_not_created(label)):
        return cls(**given)


def _installed(name: str) -> Any:
    known = installed_processors()
    if name not in known:
        message = (
            f"unknown processor {name!r}{suggest(name, known)}; installed: {', '.join(known)}; "
            "your own is given as path/to/file.py:Class"
        )
        raise InputError(message, code="processor.unknown-name", path=name)

    def failed(error: BaseException) -> InputError:
        message = f"processor {name} ({known[name].value}) cannot be imported: {what(error)}"
        return InputError(message, code="processor.import", path=name)

    with user_errors(failed):
        return known[name].load()


def _from_file(name: str) -> Any:
    from tau3mu.processing.behaviors import without_changes

    path, _, class_name = name.rpartition(":")
    with without_changes(f"processor file {path}"):
        module = import_user_file(user_path(path), "processor file")
    if not hasattr(module, class_name):
        classes = [key for key, value in vars(module).items() if _is_processor(value)]
        message = (
            f"{path} has no class {class_name!r}{suggest(class_name, classes)}; "
            f"its processors: {', '.join(classes) or 'none'}"
        )
        raise InputError(message, code="processor.no-class", path=name)
    return getattr(module, class_name)


def _variant(one: Processor, name: str, patch: dict[str, Any], option: str) -> Processor:
    _refuse_name(one.name, patch)
    with user_errors(_not_created(option)):
        return one.variant(name, **patch)


def _refuse_name(name: str, patch: Mapping[str, Any]) -> None:
    if "name" in patch:
        message = f"{name} has no parameter 'name': --variant NAME:KEY=VALUE gives another name"
        raise InputError(message, code="processor.unknown-parameter", path=f"{name}.name")


def _not_created(name: str) -> Any:
    def failed(error: BaseException) -> InputError:
        if isinstance(error, Tau3muError):
            # What a parameter or a cut cannot be is said whole; no line of a class is to blame.
            text = said(error) if error.code.startswith("processor.") else what(error)
            return InputError(text, code=error.code, path=error.path)
        return InputError(f"{name} cannot be created: {what(error)}", code="processor.constructor")

    return failed


def _check_names(processors: Sequence[Processor], labels: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for label, processor in zip(labels, processors, strict=True):
        if reason := why_no_folder(processor.name):
            message = (
                f"processor {label} is called {processor.name!r}, which cannot name its folder: "
                f"{reason}"
            )
            raise InputError(message, code="processor.bad-name", path=label)
        folder = processor.name.casefold()
        if folder in seen:
            message = (
                f"processors {seen[folder]} and {label} are both called {processor.name!r}, save "
                "for upper and lower case: their results would share a folder; rename one"
            )
            raise InputError(message, code="processor.same-name", path=label)
        seen[folder] = label


def _check_record(processor: Processor, name: str) -> None:
    """Checks that the manifest of a run, which is written last, can hold the configuration."""
    from tau3mu.storage.files import json_text

    def failed(error: BaseException) -> InputError:
        message = (
            f"{name}: its columns and configuration cannot be recorded, expected a set of texts "
            f"and a dictionary of JSON values: {what(error)}"
        )
        return InputError(message, code="processor.bad-configuration", path=name)

    with user_errors(failed):
        json_text({**processor.configuration})
        columns = processor.columns
        if isinstance(columns, str) or not all(isinstance(column, str) for column in columns):
            message = f"columns are {columns!r}"
            raise TypeError(message)


def _is_processor(value: Any) -> bool:
    from tau3mu.processing import Processor

    return isinstance(value, type) and issubclass(value, Processor) and value is not Processor
