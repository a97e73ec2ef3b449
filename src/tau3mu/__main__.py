"""`tau3mu`, also `python -m tau3mu`: the command lines of the package under one name."""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, print_error
from tau3mu.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_PROGRAMS: Final = {
    "run": "select candidates, fill histograms, fit the mass, write a results folder",
    "fit": "fit a mass spectrum; fit toys, fit trials, fit generate and fit import as well",
    "limits": "upper limits from a statistical model",
    "search": "the search for τ→3μ, from ntuples to an expected limit",
    "train": "many configured analyses in one pass: test, run, compare, reproduce",
    "show": "show a results folder, or two of them, in a browser or as one HTML file",
    "plot": "draw histograms and cutflows of a results folder, in a style and format",
    "report": "write results as one HTML file, or their tables in LaTeX or Markdown",
    "layout": "propose a layout table from the branches of a file",
    "generate": "make toy ntuples",
    "benchmark": "compare and show results of benchmarks",
}
_MODULES: Final = {"layout", "plot", "show"}
"""The programs that are one module each."""
_SHELLS: Final = ("bash", "zsh", "fish")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a program and returns its exit code.

    Args:
        arguments: The name of the program and its words; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    completing = "_ARGCOMPLETE" in os.environ
    words = _words_before_cursor() if completing else given
    if words and words[0] in _PROGRAMS:
        if completing:  # the words of the program begin one word later
            os.environ["_ARGCOMPLETE"] = str(int(os.environ["_ARGCOMPLETE"]) + 1)
        name = f"tau3mu.{words[0]}"
        program = importlib.import_module(name if words[0] in _MODULES else f"{name}.__main__")
        code: int = program.main(words[1:])
        return code
    if words and not words[0].startswith("-"):
        hint = suggest(words[0], _PROGRAMS)
        print_error(f"unknown program {words[0]!r}{hint}\nsee: tau3mu --help")
        return 1
    return _general(given)


def _general(given: Sequence[str]) -> int:
    from tau3mu import __version__

    lines = [f"  tau3mu {name:<10} {text}" for name, text in _PROGRAMS.items()]
    parser = Parser(
        "tau3mu",
        "\n".join(["Columnar search for tau to three muons at CMS.", "", "programs:", *lines]),
        epilog="tau3mu PROGRAM --help says more; python -m tau3mu PROGRAM is the same",
    )
    parser.add_argument("program", nargs="?", metavar="PROGRAM", choices=list(_PROGRAMS))
    parser.add_argument(
        "--print-completion", choices=_SHELLS, metavar="SHELL",
        help='completion for bash, zsh or fish: eval "$(tau3mu --print-completion bash)"',
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"tau3mu {__version__}")
    options = parser.parse_args(given)
    if options.print_completion:
        import argcomplete.shell_integration

        sys.stdout.write(
            argcomplete.shell_integration.shellcode(["tau3mu"], shell=options.print_completion)
        )
    else:
        parser.print_help()
    return 0


def _words_before_cursor() -> list[str]:
    """Returns the complete words of the line that a shell wants completed, without `tau3mu`."""
    line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "0"))]
    start = int(os.environ["_ARGCOMPLETE"])
    try:
        return shlex.split(line.rpartition(" ")[0])[start:]
    except ValueError:  # an open quote
        return []


if __name__ == "__main__":
    sys.exit(main())
