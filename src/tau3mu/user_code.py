"""Finds the Python files of users: those of their processors, and what these import beside them."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from tau3mu.selection import Processor

__all__ = ["user_modules"]


def user_modules(processors: Sequence[Processor]) -> dict[str, ModuleType]:
    """Returns the modules of the processors' files and those that lie beside or below them.

    Installed modules and those of this package are not among them.
    """
    bases = {base for processor in processors for base in type(processor).__mro__}
    modules = [sys.modules.get(base.__module__) for base in bases]
    installed = _installed()
    files = [_file(module, installed) for module in modules if module is not None]
    folders = {file.parent for file in files if file is not None}
    if any(base.__module__ == "__main__" for base in bases):  # of a notebook or a script
        folders.add(Path.cwd())
    if not folders:
        return {}
    found = {}
    for name, module in list(sys.modules.items()):
        file = _file(module, installed) if name != "__main__" else None
        if file is not None and not folders.isdisjoint(file.parents):
            found[name] = module
    return found


def _file(module: ModuleType, installed: Sequence[str]) -> Path | None:
    """Returns the Python file of a module, unless it is installed or our own."""
    name, file = getattr(module, "__name__", ""), getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    if str(name).partition(".")[0] == "tau3mu" or file.startswith(tuple(installed)):
        return None
    path = Path(file).resolve()
    return None if str(path).startswith(tuple(installed)) else path


def _installed() -> list[str]:
    """Returns the folders of Python itself and of installed packages, as they are and resolved."""
    folders = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib")]
    folders += [Path(p) for p in sys.path if Path(p).name in {"site-packages", "dist-packages"}]
    return [f"{place}{os.sep}" for folder in folders for place in (folder, folder.resolve())]
