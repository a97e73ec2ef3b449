"""Pickles users' code by value for other processes, with what tracebacks need to show there.

cloudpickle leaves out of which file a function is, and the other process may have no such file, or
a newer one. So the name of the file stays with the code, and the text that was run goes along.
"""

from __future__ import annotations

import io
import linecache
from collections import ChainMap
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import cloudpickle

from tau3mu.processing.user_code import installed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Packed", "pack_object", "remember"]

Lines = dict[str, tuple[int, None, list[str], str]]
"""Files as `linecache` keeps them if they do not change."""

_FOUND = {"__spec__", "__loader__", "__path__", "__cached__"}


class Packed(NamedTuple):
    """An object as bytes, to be loaded with `cloudpickle`, and the files of its code."""

    content: bytes
    lines: Lines


def pack_object(value: Any) -> Packed:
    """Returns an object, functions and classes of users in it by value, for another process."""
    with io.BytesIO() as buffer:
        pickler = _Pickler(buffer)
        pickler.dump(value)
        texts = {file: linecache.getlines(file) for file in sorted(pickler.files)}
        lines: Lines = {
            file: (sum(map(len, text)), None, text, file) for file, text in texts.items() if text
        }
        return Packed(buffer.getvalue(), lines)


def remember(lines: Lines) -> None:
    """Makes tracebacks in this process show these lines, whatever its own files are."""
    linecache.cache.update(lines)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Keeps the file name of all code, which it collects in `files` unless it is installed."""

    def __init__(self, file: io.BytesIO) -> None:
        self.files: set[str] = set()
        known = cloudpickle.Pickler.dispatch_table
        self._reduce_code, self._reduce_module = known[CodeType], known[ModuleType]
        ours = {CodeType: self._with_file, ModuleType: self._in_two_steps}
        self.dispatch_table = ChainMap(ours, known)
        super().__init__(file)

    def _with_file(self, code: CodeType) -> tuple[Any, tuple[Any, ...]]:
        if not installed(code.co_filename):
            self.files.add(code.co_filename)
        return _of_file, (code.co_filename, *self._reduce_code(code))

    def _in_two_steps(self, module: ModuleType) -> tuple[Any, ...]:
        """Makes a module first and fills it then, since modules may refer to each other."""
        make, arguments = self._reduce_module(module)
        if len(arguments) == 1:  # by reference
            return make, arguments
        name, content = arguments
        # How it was found means nothing elsewhere.
        content = {key: value for key, value in content.items() if key not in _FOUND}
        return make, (name, {}), content, None, None, _fill


def _fill(module: ModuleType, content: dict[str, Any]) -> None:
    vars(module).update(content)


def _of_file(file: str, make: Callable[..., CodeType], arguments: tuple[Any, ...]) -> CodeType:
    return make(*arguments).replace(co_filename=file)
