"""Tells the Python code of users from ours and from what is installed, in modules and errors."""

from __future__ import annotations

import linecache
import os
import re
import signal
import sys
import sysconfig
import threading
import traceback
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.config.input_files import working_directory
from tau3mu.errors import Tau3muError
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import FrameType, ModuleType

    from tau3mu.processing import Processor

__all__ = [
    "PREFIX",
    "OutOfTimeError",
    "address",
    "class_name",
    "installed",
    "is_interrupt",
    "is_users",
    "place",
    "plain_name",
    "said",
    "user_errors",
    "user_modules",
    "what",
]

PREFIX = "tau3mu_user_"
"""How the packages begin that hold a user's file and what lies beside it, see `user_files`."""

_LONGEST = 120
_IN_LIBRARY = re.compile(
    r"\s*\(in compiled code: [^)]*\)|\n\s*(This error occurred while|See if this has been).*", re.S
)


class OutOfTimeError(BaseException):
    """Is raised in a chunk that takes too long.

    No `Exception`, so that no handler of a processor takes it for its own.
    """


def is_interrupt(error: BaseException) -> bool:
    """Returns whether an exception came from outside a user's code: Ctrl-C, or a time-out.

    Every other one is that code's own, also `SystemExit`, `GeneratorExit` and, where no Ctrl-C can
    arrive, `KeyboardInterrupt`.
    """
    if isinstance(error, KeyboardInterrupt):
        arrives = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        return arrives and threading.current_thread() is threading.main_thread()
    return isinstance(error, OutOfTimeError)


def user_modules(processors: Sequence[Processor]) -> dict[str, ModuleType]:
    """Returns the modules of the processors' files and those that lie beside or below them.

    Installed modules and those of this package are not among them. Of a file that `user_files` has
    imported, they are what it imported in turn from the user's folders.
    """
    names = {base.__module__ for processor in processors for base in type(processor).__mro__}
    packages = {name.partition(".")[0] for name in names if name.startswith(PREFIX)}
    others = [sys.modules[name] for name in names if _is_plain(name) and name in sys.modules]
    folders = {file.parent for module in others if (file := _file(module)) is not None}
    if "__main__" in names:  # of a notebook or of standard input, which have no file
        folders.add(working_directory())
    found: dict[str, ModuleType] = {}
    if not folders and not packages:  # as of all installed processors: do not look at thousands
        return found
    for name, module in list(sys.modules.items()):
        file = _file(module)
        if file is None or module is sys.modules["__main__"]:  # which has several names
            continue
        asked = (
            not folders.isdisjoint(file.parents)
            if _is_plain(name)
            else (name.partition(".")[0] in packages)
        )
        if asked:
            found[name] = module
    return found


def is_users(module: str | None) -> bool:
    """Returns whether code of a module is a user's: not installed, not ours."""
    if module is None or module == "__main__" or module.startswith(PREFIX):
        return True
    known = sys.modules.get(module)
    return known is not None and _file(known) is not None


def plain_name(module: str) -> str:
    """Returns the name that a module has for its user."""
    return module.partition(".")[2] if module.startswith(PREFIX) else module


def class_name(cls: type) -> str:
    """Returns the module and the name of a class as its user knows them."""
    return f"{plain_name(cls.__module__)}.{cls.__qualname__}"


@contextmanager
def user_errors(
    convert: Callable[[BaseException], Tau3muError], *passing: type[Exception]
) -> Iterator[None]:
    """Runs code of a user, and raises whatever it raises as an error of this package.

    Args:
        convert: Returns the error to raise; its code, path and traceback are set here.
        passing: Classes of exceptions that are not the user's, besides interrupts.
    """
    try:
        yield
    except passing:
        raise
    except BaseException as error:  # which code of users may raise
        if is_interrupt(error):
            raise
        ours = convert(error)
        own = error if isinstance(error, Tau3muError) else ours
        ours.code = own.code or ours.code or "processor.failed"
        ours.path = own.path or ours.path or address(error)
        if own is ours or address(error):  # else there is no line of a user to look for
            ours.details = getattr(error, "details", "") or redact(
                "".join(traceback.format_exception(error))
            )
        raise ours from error


def what(error: BaseException) -> str:
    """Returns what code of a user raised, and in which of its lines."""
    text = said(error)
    if isinstance(error, ValueError) and "read-only" in text:
        text += "; all processors read the same arrays: change a copy"
    return f"{text}{place(error)}"


def said(error: BaseException) -> str:
    """Returns the kind and the message of an exception, which may fail to give one.

    The kind is left out of errors of this package, whose messages are for users, and what awkward
    says about its own code and about the whole call is left out too.
    """
    try:
        text = _IN_LIBRARY.sub("", str(error)).strip()
    except Exception:  # noqa: BLE001 - a user's class may raise anything
        return f"{type(error).__name__} (its message cannot be shown)"
    if isinstance(error, Tau3muError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place(error: BaseException, within: Path | None = None) -> str:
    """Returns where an error was raised, as " (FILE, line N: SOURCE)".

    It is the deepest line of a user's code. Of an error in a shipped processor this is its line,
    and an empty text if there is neither.

    Args:
        error: What has been caught.
        within: The file that the message names already.
    """
    file, line, column, source = _source(error)
    if not file:
        return ""
    named = within is not None and Path(file) == within.absolute()
    column_text = f", column {column}" if column else ""
    shown = f": {source[:_LONGEST]}" if source else ""
    return f" ({'' if named else f'{file}, '}line {line}{column_text}{shown})"


def address(error: BaseException) -> str:
    """Returns the deepest line of a user's code that an error went through, as `FILE:LINE`."""
    file, line, _, _ = _source(error)
    return f"{file}:{line}" if file else ""


def _source(error: BaseException) -> tuple[str, int, int, str]:
    """Returns file, line, column (0 if unknown) and text of the line that an error is about."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno, error.offset or 0, (error.text or "").strip()
    file, line = _deepest(traceback.walk_tb(error.__traceback__))
    return file, line, 0, linecache.getline(file, line).strip()


def _deepest(frames: Iterable[tuple[FrameType, int]]) -> tuple[str, int]:
    users, shipped = ("", 0), ("", 0)
    for frame, line in frames:
        if _is_users_frame(frame):
            users = frame.f_code.co_filename, line
        elif str(frame.f_globals.get("__name__")).startswith("tau3mu.processors."):
            shipped = frame.f_code.co_filename, line
    return users if users[0] else shipped


def _is_users_frame(frame: FrameType) -> bool:
    name, file = str(frame.f_globals.get("__name__")), frame.f_globals.get("__file__")
    if name == "__main__":
        return True
    if frame.f_code.co_filename.startswith("<") or _is_ours(name):  # such as what dataclass writes
        return False
    # Code that came to a worker says of which file it is, though the worker has none.
    return isinstance(file, str) and not installed(file)


def _is_plain(module: str) -> bool:
    return not module.startswith(PREFIX)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "tau3mu"


def _file(module: ModuleType) -> Path | None:
    """Returns the Python file of a module, unless it is installed or our own."""
    name, file = getattr(module, "__name__", ""), getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    if _is_ours(str(name)) or installed(file):
        return None
    return Path(file).resolve()


def installed(file: str | None) -> bool:
    """Returns whether a file is of Python itself or of an installed package, as built-ins are."""
    if not isinstance(file, str):
        return True
    folders = _installed(tuple(sys.path))
    return file.startswith(folders) or str(Path(file).resolve()).startswith(folders)


@lru_cache(maxsize=8)
def _installed(search: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the folders of Python itself and of installed packages, as they are and resolved."""
    folders = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib")]
    folders += [Path(p) for p in search if Path(p).name in {"site-packages", "dist-packages"}]
    return tuple(f"{place}{os.sep}" for folder in folders for place in (folder, folder.resolve()))
