"""Which of a user's modules processors need: their own, and what these import in turn."""

from __future__ import annotations

import ast
import sys
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from tau3mu.processing.user_code import PREFIX, is_users, user_modules
from tau3mu.processing.user_files import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tau3mu.processing import Processor

__all__ = ["needed_modules"]


def needed_modules(processors: Sequence[Processor]) -> dict[str, ModuleType]:
    """Returns the users' modules that processors need, by their names in `sys.modules`.

    Args:
        processors: All processors of a run.
    """
    bases = {base.__module__ for processor in processors for base in type(processor).__mro__}
    imported = user_modules(processors)
    found = {name: module for name, module in imported.items() if name.startswith(PREFIX)}
    waiting = [name for name in bases if not name.startswith(PREFIX)]
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if module is None or name in found or not _is_copied(name, module):
            continue
        found[name] = module
        waiting += _parents(name)
        for other in (*_imports(module), *_held(module)):
            waiting += [other, *_parents(other)]
    return found


def _is_copied(name: str, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if name == "__main__" or not isinstance(file, str) or not file.endswith(".py"):
        return False
    return is_users(name) and Path(file).is_file()


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:number]) for number in range(1, len(parts))]


def _imports(module: ModuleType) -> Iterator[str]:
    """Yields the modules that the import statements of a module name."""
    package = module.__package__ or ""
    for node in ast.walk(ast.parse(source_of(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            try:
                name = resolve_name(base, package) if node.level else base
            except ImportError:  # beyond the package: it has not been run
                continue
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def _held(module: ModuleType) -> Iterator[str]:
    """Yields the modules of what a module holds, however it came there."""
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else _module_of(value)
        if name:
            yield name


def _module_of(value: object) -> str:
    name = getattr(value, "__module__", "") if isinstance(value, type) or callable(value) else ""
    return name if isinstance(name, str) else ""
