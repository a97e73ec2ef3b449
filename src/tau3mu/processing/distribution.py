"""Sees to it that the Python files of users reach workers that do not have them.

A processor's file, and the modules beside it that it imports, travel inside the pickled processor,
by value: nothing is written on the workers, two runs on one cluster do not see each other's files,
and a changed file is never taken for the old one. So do tables of corrections that a processor has
read: an object that holds one takes it along.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import cloudpickle

from tau3mu.errors import InputError
from tau3mu.processing.packing import pack_object
from tau3mu.processing.user_code import plain_name, user_modules
from tau3mu.processing.user_files import lies_beside, source_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from types import ModuleType

    from tau3mu.processing import Processor

__all__ = ["ship_code"]


def ship_code(processors: Sequence[Processor]) -> list[ModuleType]:
    """Makes users' modules travel with the processors, whenever they are pickled from now on.

    It returns the modules that did not travel before, which cloudpickle can unregister.

    Call it before the processors are given to a cluster whose workers may not have these files,
    and after they have been tried here, so that all their imports are known.

    Args:
        processors: Shipped ones are left as they are.

    Raises:
        InputError: A module of a user is imported inside a function, which by then could not be
            found; or something in a file cannot be pickled.
    """
    modules = user_modules(processors)
    names = {plain_name(name) for name in modules}
    known = cloudpickle.list_registry_pickle_by_value()
    for module in modules.values():
        _refuse_late_imports(module, names)
        cloudpickle.register_pickle_by_value(module)
    for processor in processors:
        _try_to_pickle(processor)
    return [module for module in modules.values() if module.__name__ not in known]


def _try_to_pickle(processor: Processor) -> None:
    try:
        pack_object(processor)
    except Exception as error:  # of whatever class the object that refuses raises
        message = (
            f"processor {processor.name} cannot be sent to the workers: "
            f"{type(error).__name__}: {error}; keep open files, locks and the like out of its "
            "attributes and of the top level of its modules"
        )
        raise InputError(message, code="processor.not-sent", path=processor.name) from error


def _refuse_late_imports(module: ModuleType, shipped: Collection[str]) -> None:
    for line, name in _late_imports(ast.parse(source_of(module))):
        if name in shipped or name.startswith(".") or lies_beside(module, name):
            message = (
                f"{module.__file__}, line {line}: {name} is imported inside a function, where the "
                "workers do not find it: import it at the top of the file, so that it travels along"
            )
            raise InputError(
                message, code="processor.late-import", path=f"{module.__file__}:{line}"
            )


def _late_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields the lines and names of the modules that are imported inside functions."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.lineno, "." * node.level + (node.module or "")
