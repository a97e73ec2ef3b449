"""What all command lines share: options that must be known, errors without traceback, exit codes.

A command line builds a `Parser`, calls one function through `run_main` and exits with what that
returns: 0 for success, 1 for wrong usage, bad input and failure; 2 is kept for missing events.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec

from tau3mu.config.input_files import user_path
from tau3mu.console.streams import lasting_streams
from tau3mu.errors import InputError, Tau3muError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "Parser", "first_import", "is_command", "path_of", "print_error", "print_warning", "run_main",
    "text_of",
]  # fmt: skip

_INTERRUPTED = 130  # what a shell reports for a process that Ctrl-C ended
_P = ParamSpec("_P")


class Parser(argparse.ArgumentParser):
    """Parses options that must be spelt in full; wrong usage is one message and exit code 1."""

    def __init__(self, prog: str | None = None, description: str | None = None, **kwargs: object):
        """Creates the parser; the line breaks of description and epilog stay as written.

        Of the command `tau3mu`, `python -m tau3mu.run` is called `tau3mu run` in all texts.

        Args:
            prog: The name of the program.
            description: What `--help` says first.
            kwargs: Further arguments of `argparse.ArgumentParser`.
        """
        if Path(sys.argv[0]).name == "tau3mu":
            prog, description = _short(prog), _short(description)
            kwargs["epilog"] = _short(kwargs.get("epilog"))
        settings: dict[str, object] = {
            "formatter_class": argparse.RawDescriptionHelpFormatter,
            "allow_abbrev": False,
        }
        super().__init__(prog, description=description, **(settings | kwargs))  # type: ignore[arg-type]

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Returns the parsed arguments; an unknown option is named before a missing one is.

        When a shell asks for completions (see `tau3mu --print-completion`), they are printed and
        the process ends.

        Args:
            args: The words of the command line; by default those of this process.
            namespace: As for argparse.
        """
        if "_ARGCOMPLETE" in os.environ:
            import argcomplete

            argcomplete.autocomplete(self)
        with lasting_streams():
            return self._parse(list(sys.argv[1:] if args is None else args), namespace)

    def _parse(self, given: list[str], namespace: argparse.Namespace | None) -> argparse.Namespace:
        known = self._options()
        for argument in given[: given.index("--")] if "--" in given else given:
            option = argument.partition("=")[0]
            if option.startswith("--") and option not in known:
                self.error(f"unknown option {option}{suggest(option, known)}")
        return super().parse_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        """Prints the message and exits with code 1, since 2 stands for missing events.

        Args:
            message: What is wrong.
        """
        print_error(f"{message}\nsee: {self.prog} --help")
        sys.exit(1)

    def _options(self) -> set[str]:
        """Returns the long options of this parser and of its sub-commands."""
        options = {option for option in self._option_string_actions if option.startswith("--")}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                options.update(*(command._options() for command in action.choices.values()))
        return options


def _short(text: Any) -> Any:
    return text.replace("python -m tau3mu.", "tau3mu ") if isinstance(text, str) else text


def is_command() -> bool:
    """Returns whether this process is one command of the package, not a notebook or a script."""
    given = sys.modules["__main__"].__spec__
    return (Path(sys.argv[0]).name if given is None else given.name.partition(".")[0]) == "tau3mu"


def text_of(value: str) -> str:
    """Returns the value of an option, which must not be empty.

    Args:
        value: What was given.
    """
    if not value.strip():
        message = "expected a name, not an empty text"
        raise argparse.ArgumentTypeError(message)
    return value


def path_of(value: str) -> Path:
    """Returns a path with `~` expanded, since a shell leaves it alone after an equals sign.

    Args:
        value: What was given.
    """
    return user_path(text_of(value))


def print_error(message: object) -> None:
    """Prints "error: ..." on stderr, with the label in red on a terminal.

    Args:
        message: What went wrong.
    """
    _print_labeled("error: ", "bold red", message)


def print_warning(message: object) -> None:
    """Prints "warning: ..." on stderr, with the label in yellow on a terminal.

    Args:
        message: What is not as it should be.
    """
    _print_labeled("warning: ", "bold yellow", message)


def _print_labeled(label: str, style: str, message: object) -> None:
    from tau3mu.console.terminal import PlainConsole

    with lasting_streams():
        console = PlainConsole(stderr=True, soft_wrap=True, highlight=False)
        console.print(label, style=style, end="")
        console.print(str(message))


def run_main(function: Callable[_P, int], *args: _P.args, **kwargs: _P.kwargs) -> int:
    """Returns the exit code of a command: that of `function`, or that of the error it raised.

    A `Tau3muError` is printed as one message and gives 1; Ctrl-C gives 130. Code of users that
    ends its process or generators gives 1 too. Anything else is a defect and keeps its traceback.
    That nobody reads what is printed, or that it cannot be written, changes no exit code.

    Args:
        function: What is called.
        args: Its positional arguments.
        kwargs: Its other arguments.
    """
    # Threads of BLAS, one per core, wait for work in a busy loop; nothing here is large enough.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with lasting_streams():
        try:
            _check_working_directory()
            return function(*args, **kwargs)
        except Tau3muError as error:
            print_error(f"{error}{_kept(error.details)}")
            return 1
        except KeyboardInterrupt as error:
            print_error(str(error) or "interrupted")
            return _INTERRUPTED
        except (SystemExit, GeneratorExit) as error:
            name = type(error).__name__
            print_error(f"the command was ended by {name}({error}), from code of a user")
            return 1


def _kept(traceback: str) -> str:
    """Returns where the traceback of a user's code is now, as the end of a message.

    There is no results folder yet: an error of a run that has begun is in its log.
    """
    if not traceback:
        return ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="tau3mu-traceback-", suffix=".txt", encoding="utf-8", delete=False
        ) as file:
            file.write(traceback)
    except OSError:  # a full disk changes nothing about the error
        return f"\n{traceback}"
    return f"\nthe traceback is in {file.name}"


def _check_working_directory() -> None:
    try:
        Path.cwd()
    except OSError as error:
        message = "the working directory has been removed: change into another one (cd)"
        raise InputError(message, code="console.no-working-directory") from error


@contextmanager
def first_import(module: str) -> Iterator[None]:
    """Looks for no garbage during a block that imports a module, with thousands of others.

    Their million objects stay. To look at all of them again and again is a tenth of the start, so
    they are left out later too. If the module has been imported before, nothing is special.

    Args:
        module: The module whose import takes long.
    """
    if module in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
