"""Imports Python files of users, each apart from all others, and keeps the text that was run.

A file and the modules beside it become a package of their own in `sys.modules`, so that two files
of one name, or with helpers of one name, never meet. What they import is found as in a script: in
the folder of the file, then in what the file adds to `sys.path`, then where everything else is.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import linecache
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import decode_source, module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cloudpickle

from tau3mu.config.input_files import refuse_special
from tau3mu.errors import InputError
from tau3mu.processing.user_code import PREFIX, installed, place, said, user_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType

__all__ = ["import_user_file", "lies_beside", "moved_files", "source_of"]


def import_user_file(
    path: Path, what: str, *, root: Path | None = None, moved: Mapping[str, str] | None = None
) -> ModuleType:
    """Returns the module of a file, which is run in each call; its objects pickle by value.

    Args:
        path: The Python file.
        what: What it is called in messages, such as "processor file".
        root: The folder from which its imports start, if it is part of a package below.
        moved: Files that text constants name, and the copies that are meant instead.

    Raises:
        InputError: There is no such file, or it fails to import; the message names the line.
    """
    refuse_special(path)
    if not path.is_file():
        message = f"{what} {path} does not exist"
        raise InputError(message, code="processor.no-file", path=path)
    if path.suffix != ".py":
        message = f"{what} {path} is not a Python file (.py)"
        raise InputError(message, code="processor.no-python-file", path=path)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    importlib.invalidate_caches()  # a file may be younger than the last look at its folder
    # Names of modules are hashed and travel as UTF-8, which those of files need not be.
    stem = os.fsencode(path.stem).decode(errors="replace").replace(".", "_")
    package = _new_package(stem, moved or {})
    package.__path__ = [str(path.resolve().parent if root is None else root.resolve())]
    before = list(sys.path)
    imports: _Imports = vars(package)["imports"]

    def failed(error: BaseException) -> InputError:
        _forget(package.__name__)
        text = said(error)
        if isinstance(error, SyntaxError):  # whose own text has the place again
            text = f"{type(error).__name__}: {error.msg}"
        message = f"{what} {path} fails to import{place(error, path)}: {text}"
        return InputError(message, code="processor.import", path=path)

    try:
        with user_errors(failed):
            parts = path.relative_to(root).with_suffix("").parts if root else ()
            if len(parts) > 1:
                parts = parts[: -1 if parts[-1] == "__init__" else None]
                return importlib.import_module(".".join((package.__name__, *parts)))
            name = f"{package.__name__}.{stem}"
            spec = spec_from_loader(name, _Loader(name, str(path.absolute())))
            assert spec is not None
            module = module_from_spec(spec)
            sys.modules[name] = module
            setattr(package, stem, module)
            spec.loader.exec_module(module)  # type: ignore[union-attr]
    finally:
        imports.freeze()
        sys.path[:] = before
    return module


def source_of(module: ModuleType) -> bytes:
    """Returns the text of a module: that which was run if it was imported here, else its file."""
    loader = module.__loader__
    return loader.source if isinstance(loader, _Loader) else Path(str(module.__file__)).read_bytes()


def moved_files(module: ModuleType) -> Mapping[str, str]:
    """Returns the files that constants of a module name, and the copies that it opens instead."""
    package = sys.modules.get(module.__name__.partition(".")[0], module)
    found: Mapping[str, str] = vars(package).get("moved", {})
    return found


def lies_beside(module: ModuleType, name: str) -> bool:
    """Returns whether a module that was imported here finds another one in its own folders."""
    imports = vars(sys.modules.get(module.__name__.partition(".")[0], module)).get("imports")
    return isinstance(imports, _Imports) and imports.has(name.partition(".")[0])


def _new_package(stem: str, moved: Mapping[str, str]) -> ModuleType:
    """Returns an empty package of a name that nothing has yet."""
    name, number = f"{PREFIX}{stem}", 1
    while name in sys.modules:
        number += 1
        name = f"{PREFIX}{stem}_{number}"
    package = ModuleType(name)
    sys.modules[name] = package
    vars(package).update(imports=_Imports(package), moved=moved)
    # The files are not installed on the workers, so their functions and classes have to travel.
    cloudpickle.register_pickle_by_value(package)
    return package


def _forget(package: str) -> None:
    cloudpickle.unregister_pickle_by_value(sys.modules[package])
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


class _Loader(SourceFileLoader):
    """Runs the text of a file as it is now, not what a cache holds, and keeps it as `source`."""

    source = b""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        self.source = self.get_data(path)
        lines = decode_source(self.source).splitlines(keepends=True)
        # Without a time of change, the entry stays when the file changes: tracebacks show what ran.
        linecache.cache[path] = (len(self.source), None, lines, path)
        program: Any = self.source
        if moved := vars(sys.modules[fullname.partition(".")[0]])["moved"]:
            program = _Moved(moved).visit(ast.parse(self.source, path))
        code: CodeType = self.source_to_code(program, path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        package = sys.modules[module.__name__.partition(".")[0]]
        imports = vars(package)["imports"]
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": imports}
        super().exec_module(module)


class _Moved(ast.NodeTransformer):
    """Puts the copies of files into a program, where its constants name the files."""

    def __init__(self, moved: Mapping[str, str]) -> None:
        self._moved = moved

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and node.value in self._moved:
            return ast.copy_location(ast.Constant(self._moved[node.value]), node)
        return node


class _Finder:
    """Finds modules inside the packages of users' files, for the import system."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None or not name.startswith(PREFIX):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Imports:
    """The import statement in the files of one package, also when it is in a function."""

    def __init__(self, package: ModuleType) -> None:
        self._package = package
        self._before: list[str] | None = list(sys.path)

    def freeze(self) -> None:
        """Keeps the places where modules are found now, since `sys.path` is going to change."""
        self._look_around()
        self._before = None

    def __call__(
        self,
        name: str,
        globals: dict[str, Any] | None = None,
        locals: dict[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        top = name.partition(".")[0]
        if level or not self.has(top):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        package = self._package.__name__
        try:
            module = importlib.import_module(f"{package}.{name}")
            if not fromlist:
                return sys.modules[f"{package}.{top}"]
            return builtins.__import__(module.__name__, globals, locals, fromlist, 0)
        except ModuleNotFoundError as error:
            if (missing := error.name or "").startswith(f"{package}."):
                missing = missing.partition(".")[2]
                message = f"No module named {missing!r}"
                raise ModuleNotFoundError(message, name=missing) from None
            raise

    def has(self, top: str) -> bool:
        """Returns whether a module is one of the user's beside the file."""
        name = f"{self._package.__name__}.{top}"
        if name in sys.modules:
            return True
        loaded = sys.modules.get(top)
        if loaded is not None and (top == "tau3mu" or installed(getattr(loaded, "__file__", None))):
            return False
        self._look_around()
        spec = PathFinder.find_spec(name, self._package.__path__)
        if spec is None:
            return False
        # A mere folder, such as one of results, is a package only if there is no other.
        return spec.origin is not None or PathFinder.find_spec(top) is None

    def _look_around(self) -> None:
        if self._before is not None:
            known = {*self._before, *self._package.__path__}
            self._package.__path__ += [folder for folder in sys.path if folder not in known]
