"""Describes values and running code in bytes that are the same in every process.

Code is described by what runs, not by its source, which may have been edited since or may not
exist, as in a notebook or on standard input: instructions, constants, defaults, closures, and the
globals that they name. Code of files that `user_files` has imported is described by its name alone,
since the text that was run is known.
"""

from __future__ import annotations

import copyreg
import dis
import hashlib
from functools import cached_property
from inspect import getattr_static
from operator import itemgetter
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.config.input_files import user_path, working_directory
from tau3mu.processing.user_code import PREFIX, is_users, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Description", "existing_file"]

_PLAIN = (str, bytes, int, float, complex, bool, type(None), type(...))
_NAMED = (
    BuiltinFunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
_NO_CONTENT = {
    "__dict__", "__weakref__", "_abc_impl", "__firstlineno__", "__static_attributes__",
    "__module__", "__annotations_cache__",
}  # fmt: skip
_LOOK_UP = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}


class Description:
    """Describes values and the code that they use.

    Attributes:
        files: The existing files that texts name.
        modules: The names of the users' modules whose code is described.
    """

    def __init__(self) -> None:
        """Has described nothing yet."""
        self.files: set[Path] = set()
        self.modules: set[str] = set()
        self._code: dict[int, tuple[int, Any]] = {}  # met before; held, so that ids stay theirs
        self._met: dict[int, tuple[bytes, Any]] = {}

    def of(self, value: Any) -> Iterator[bytes]:
        """Yields bytes that are the same in every process for equal values.

        Raises:
            TypeError: Something in it can be neither described nor pickled; also ValueError,
                AttributeError, NotImplementedError and RecursionError.
        """
        yield type(value).__qualname__.encode()
        here = working_directory() if isinstance(value, (str, Path)) else None
        if here and (file := existing_file(str(value), here)):
            self.files.add(file)
        if isinstance(value, (*_PLAIN, Path)):
            yield repr(value).encode()
        elif isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
            yield f"{value.dtype} {value.shape}".encode()
            yield value.tobytes()
        elif isinstance(value, ak.Array):
            yield str(value.type).encode()
            yield from self.of(ak.to_buffers(ak.to_packed(value))[2])
        elif isinstance(value, (set, frozenset)):
            yield from sorted(map(self._apart, value))
        elif isinstance(value, _NAMED):
            yield value.__qualname__.encode()
        elif isinstance(value, ModuleType):
            yield plain_name(value.__name__).encode()
        elif isinstance(value, (type, FunctionType)):
            yield from self._of_code_object(value)
        else:
            yield self._once(value)

    def _once(self, value: Any) -> bytes:
        """Returns a hash of the parts of a value, which many others may refer to."""
        if id(value) not in self._met:
            self._met[id(value)] = b"as above", value
            digest = hashlib.sha256()
            for piece in self._of_parts(value):
                digest.update(len(piece).to_bytes(8, "little"))
                digest.update(piece)
            self._met[id(value)] = digest.digest(), value
        return self._met[id(value)][0]

    def _apart(self, value: Any) -> bytes:
        """Returns a description that does not depend on what was described before."""
        other = Description()
        pieces = b"\0".join(other.of(value))
        self.files |= other.files
        self.modules |= other.modules
        return pieces

    def _of_code_object(self, value: type | FunctionType) -> Iterator[bytes]:
        yield f"{plain_name(value.__module__ or '')}.{value.__qualname__}".encode()
        if not is_users(value.__module__) or str(value.__module__).startswith(PREFIX):
            return
        if id(value) in self._code:
            yield b"%d" % self._code[id(value)][0]
            return
        self._code[id(value)] = len(self._code), value
        self.modules.add(str(value.__module__))
        yield from self._of_class(value) if isinstance(value, type) else self._of_function(value)

    def _of_parts(self, value: Any) -> Iterator[bytes]:
        if isinstance(value, (dict, MappingProxyType)):
            for key, item in sorted(
                ((self._apart(key), item) for key, item in value.items()), key=itemgetter(0)
            ):
                yield key
                yield from self.of(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                yield from self.of(item)
        elif isinstance(value, (staticmethod, classmethod)):
            yield from self.of(value.__func__)
        elif isinstance(value, property):
            yield from self.of((value.fget, value.fset, value.fdel))
        elif isinstance(value, cached_property):
            yield from self.of(value.func)
        elif isinstance(value, CellType):
            # An empty cell is of a class that refers to itself before it is complete.
            yield from self.of(value.cell_contents)
        elif isinstance(function := getattr_static(value, "__wrapped__", None), FunctionType):
            yield from self.of(function)  # of a cache, or compiled
        else:
            # What pickle would write of it: how it is made, from what, and its state.
            registered = copyreg.dispatch_table.get(type(value))
            reduced = registered(value) if registered else value.__reduce_ex__(4)
            if isinstance(reduced, tuple):  # items come as iterators, which are made for this
                reduced = [list(r) if hasattr(r, "__next__") else r for r in reduced]
            yield from self.of(reduced)

    def _of_class(self, cls: type) -> Iterator[bytes]:
        yield from self.of(cls.__bases__)
        yield from self.of(type(cls))
        for name, value in sorted(vars(cls).items()):
            if name not in _NO_CONTENT:
                yield name.encode()
                yield from self.of(value)

    def _of_function(self, function: FunctionType) -> Iterator[bytes]:
        yield from self._of_code(function.__code__)
        yield from self.of((function.__defaults__, function.__kwdefaults__))
        yield from self.of(function.__closure__)
        yield from self.of(vars(function))
        for name in sorted(_globals(function.__code__) & function.__globals__.keys()):
            yield name.encode()
            value = function.__globals__[name]
            if isinstance(value, ModuleType) and is_users(value.__name__):
                yield from self.of_module(value)
            else:
                yield from self.of(value)

    def _of_code(self, code: CodeType) -> Iterator[bytes]:
        numbers = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
        yield repr((code.co_name, numbers, code.co_names, code.co_varnames)).encode()
        yield repr((code.co_freevars, code.co_cellvars)).encode()
        yield code.co_code
        yield getattr(code, "co_exceptiontable", b"")
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._of_code(constant)
            else:
                yield from self.of(constant)

    def of_module(self, module: ModuleType) -> Iterator[bytes]:
        """Yields what describes the contents of a user's module: its data and its code."""
        if id(module) in self._code:
            return
        self._code[id(module)] = len(self._code), module
        self.modules.add(module.__name__)
        for name, value in sorted(vars(module).items()):
            if name.startswith("__"):
                continue
            yield name.encode()
            if isinstance(value, ModuleType) and is_users(value.__name__):
                yield from self.of_module(value)
            else:
                yield from self.of(value)


def _globals(code: CodeType) -> set[str]:
    """Returns the names that code looks up outside of itself, with the functions in it."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in _LOOK_UP}
    parts = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return names.union(*map(_globals, parts))


def existing_file(text: str, folder: Path) -> Path | None:
    """Returns the file that a text names, from a folder, if there is one."""
    if not 1 < len(text) < 1000 or "\n" in text or "\0" in text:
        return None
    try:
        file = folder / user_path(text)
        return file.resolve() if file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
