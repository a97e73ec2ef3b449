"""What the record of a chunk depends on, apart from the chunk: code, configuration, corrections.

The hash has to change whenever a result might, and need not stay the same if nothing did: a
checkpoint that is made again costs time, one that is taken wrongly costs a result.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import uuid
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.user_code import user_modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tau3mu.selection import Processor

__all__ = ["fingerprint"]

log = logging.getLogger(__name__)

_OWN_CODE = ("corrections", "execution", "ntuples", "processors", "selection")
_LIBRARIES = ("awkward", "coffea", "correctionlib", "numpy", "uproot", "vector")
_LARGE = 100_000_000
_CODE = (type, FunctionType, BuiltinFunctionType, ModuleType)
_PLAIN = (str, bytes, int, float, complex, bool, type(None))


def fingerprint(processors: Sequence[Processor]) -> str:
    """Returns a hash of all that the processors make of given events.

    It covers their classes with the files that define them and everything else that was imported
    from the folders of those files, their attributes and configuration, the contents of files
    that these or text constants of the code name, and this package.
    """
    digest = hashlib.sha256()
    for piece in _pieces(processors):
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.hexdigest()


def _pieces(processors: Sequence[Processor]) -> Iterator[bytes]:
    for library in ("tau3mu", *_LIBRARIES):
        yield f"{library} {version(library)}".encode()
    yield from _own_code()
    named: set[Path] = set()
    for processor in processors:
        cls = type(processor)
        yield f"{processor.name} {cls.__module__}.{cls.__qualname__}".encode()
        yield from _state(vars(processor), named, cls.__qualname__)
        yield from _state(processor.configuration, named, cls.__qualname__)
        yield from _state(sorted(processor.columns), named, cls.__qualname__)
    modules = {Path(str(m.__file__)).resolve(): m for m in user_modules(processors).values()}
    for file, module in sorted(modules.items()):
        source = file.read_bytes()
        yield source
        named.update(_files_in(source, file.parent))
        data = {
            name: value
            for name, value in vars(module).items()
            if not name.startswith("__") and not isinstance(value, _CODE)
        }
        yield from _state(data, named, file.name)
    for file in sorted(named):
        yield from _file_content(file)


def _file_content(file: Path) -> Iterator[bytes]:
    status = file.stat()
    yield str(file).encode()
    if status.st_size > _LARGE:
        yield f"{status.st_size} {status.st_mtime_ns}".encode()
    else:
        yield file.read_bytes()


def _own_code() -> Iterator[bytes]:
    for package in _OWN_CODE:
        yield from _contents(files(f"tau3mu.{package}"))


def _contents(folder: Any) -> Iterator[bytes]:
    for item in sorted(folder.iterdir(), key=lambda item: str(item.name)):
        if item.is_dir():
            if not item.name.startswith(("_", ".")):
                yield from _contents(item)
        elif item.name.endswith((".py", ".tsv", ".json")):
            yield item.name.encode()
            yield item.read_bytes()


def _files_in(source: bytes, folder: Path) -> set[Path]:
    """Returns the files that text constants of a program name, from its folder or from here."""
    constants = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {
        file
        for text in constants
        for base in (folder, Path.cwd())
        if (file := _existing(text, base)) is not None
    }


def _existing(text: str, folder: Path) -> Path | None:
    if not 1 < len(text) < 1000 or "\n" in text or "\0" in text:
        return None
    try:
        file = (folder / text).expanduser()
        return file.resolve() if file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _state(value: Any, named: set[Path], owner: str) -> Iterator[bytes]:
    try:
        yield from _described(value, named, set())
    except (TypeError, ValueError, AttributeError, NotImplementedError, RecursionError) as error:
        log.warning("what %s holds cannot be compared (%s): no resuming later", owner, error)
        yield uuid.uuid4().bytes


def _described(value: Any, named: set[Path], seen: set[int]) -> Iterator[bytes]:
    """Yields bytes that are the same in every process for equal values; files are collected."""
    yield type(value).__qualname__.encode()
    if isinstance(value, (str, Path)) and (file := _existing(str(value), Path.cwd())):
        named.add(file)
    if isinstance(value, (*_PLAIN, Path)):
        yield repr(value).encode()
    elif isinstance(value, ModuleType):
        yield value.__name__.encode()
    elif isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        yield f"{value.__module__}.{value.__qualname__}".encode()
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        yield f"{value.dtype} {value.shape}".encode()
        yield value.tobytes()
    elif isinstance(value, ak.Array):
        yield str(value.type).encode()
        yield from _described(ak.to_buffers(ak.to_packed(value))[2], named, seen)
    elif isinstance(value, (set, frozenset)):
        yield from sorted(b"\0".join(_described(item, named, seen)) for item in value)
    elif id(value) in seen:
        yield b"as above"
    else:
        yield from _described_parts(value, named, seen | {id(value)})


def _described_parts(value: Any, named: set[Path], seen: set[int]) -> Iterator[bytes]:
    if isinstance(value, dict):
        pairs = [
            b"\0".join([*_described(k, named, seen), *_described(v, named, seen)])
            for k, v in value.items()
        ]
        yield from sorted(pairs)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _described(item, named, seen)
    else:
        # What pickle would write of it: how it is made, from what, and its state.
        reduced = value.__reduce_ex__(4)
        yield from _described(list(reduced) if isinstance(reduced, tuple) else reduced, named, seen)
