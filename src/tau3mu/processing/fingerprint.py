"""What the record of a chunk depends on, apart from the chunk: code, configuration, corrections.

The hash has to change whenever a result might, and need not stay the same if nothing did: a
checkpoint that is made again costs time, one that is taken wrongly costs a result.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import os
import platform
import sys
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import working_directory
from tau3mu.processing.behaviors import users_behaviors
from tau3mu.processing.described import Description, existing_file
from tau3mu.processing.filling import without_filling
from tau3mu.processing.own_code import library_versions, part_hash
from tau3mu.processing.user_code import PREFIX, plain_name, user_modules
from tau3mu.processing.user_files import source_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

    from tau3mu.processing import Processor

__all__ = ["fingerprint", "source_hash", "text_constants"]

log = logging.getLogger(__name__)

_OWN_CODE = (
    *("corrections", "execution", "ntuples", "outputs", "processing", "processors", "selection"),
)
_LARGE = 100_000_000


def fingerprint(processors: Sequence[Processor]) -> str:
    """Returns a hash of all that the processors select from given events.

    It covers their classes with the files that define them and everything else that was imported
    from the folders of those files, as they were when they were imported, their attributes and
    configuration, the contents of files that these or text constants of the code name, and this
    package. Of classes without a file it covers the code that runs. The methods of users' files
    that fill histograms are no part of it: see `source_hash`.
    """
    digest = hashlib.sha256()
    for piece in _pieces(processors):
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.hexdigest()


def source_hash(processors: Sequence[Processor]) -> str:
    """Returns a hash of the users' files as they were imported, with the methods that fill."""
    digest = hashlib.sha256()
    for module in _modules(processors):
        digest.update(hashlib.sha256(source_of(module)).digest())
    return digest.hexdigest()


def _modules(processors: Sequence[Processor]) -> list[ModuleType]:
    modules = user_modules(processors).values()
    return sorted(modules, key=lambda m: (plain_name(m.__name__), str(m.__file__)))


def _pieces(processors: Sequence[Processor]) -> Iterator[bytes]:
    yield platform.python_version().encode()  # to which instructions belong
    yield _own_code()
    description = Description()
    for processor in processors:
        cls = type(processor)
        yield f"{processor.name} {plain_name(cls.__module__)}.{cls.__qualname__}".encode()
        yield from _state(cls.__mro__, description, cls.__qualname__)
        yield from _state(vars(processor), description, cls.__qualname__)
        yield from _state(processor.configuration, description, cls.__qualname__)
        yield from _state(sorted(processor.columns), description, cls.__qualname__)
    yield from _state(users_behaviors(processors), description, "ak.behavior")
    imported = [m for n, m in user_modules(processors).items() if n.startswith(PREFIX)]
    for module in _in_order(imported):
        yield from _told(description.of_module(module), plain_name(module.__name__))
    met = [sys.modules[name] for name in description.modules if name in sys.modules]
    named: set[Path] = set()
    modules = _in_order(module for module in met if _has_file(module))
    classes = {base.__name__ for p in processors for base in type(p).__mro__}
    sources = without_filling([source_of(module) for module in modules], classes)
    for module, source in zip(modules, sources, strict=True):
        yield source
        named.update(_files_in(source, Path(str(module.__file__)).resolve().parent))
    for file in sorted(named | description.files):
        yield from _file_content(file)


def _in_order(modules: Iterable[ModuleType]) -> list[ModuleType]:
    """Returns modules in an order that does not depend on when they were imported."""
    return sorted(modules, key=lambda module: (plain_name(module.__name__), source_of(module)))


def _has_file(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)  # which may be gone, if its text is known
    if not isinstance(file, str) or not file.endswith(".py"):
        return False
    return module.__name__.startswith(PREFIX) or Path(file).is_file()


def _file_content(file: Path) -> Iterator[bytes]:
    status = file.stat()
    yield os.fsencode(file)
    if status.st_size > _LARGE:
        yield f"{status.st_size} {status.st_mtime_ns}".encode()
    else:
        yield file.read_bytes()


@cache
def _own_code() -> bytes:
    """Returns a hash of this package and the libraries, which are the same for all processors."""
    digest = hashlib.sha256()
    for library, number in library_versions().items():
        digest.update(f"{library} {number}\n".encode())
    for part in _OWN_CODE:
        digest.update(part_hash(part).encode())
    return digest.digest()


def text_constants(source: bytes) -> set[str]:
    """Returns the text constants of a program."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _files_in(source: bytes, folder: Path) -> set[Path]:
    """Returns the files that text constants of a program name, from its folder or from here."""
    here = working_directory()
    return {
        file
        for text in text_constants(source)
        for base in (folder, here)
        if (file := existing_file(text, base)) is not None
    }


def _state(value: Any, description: Description, owner: str) -> Iterator[bytes]:
    return _told(description.of(value), owner)


def _told(pieces: Iterator[bytes], owner: str) -> Iterator[bytes]:
    try:
        yield from pieces
    except (TypeError, ValueError, AttributeError, NotImplementedError, RecursionError) as error:
        log.warning("what %s holds cannot be compared (%s): no resuming later", owner, error)
        yield uuid.uuid4().bytes
