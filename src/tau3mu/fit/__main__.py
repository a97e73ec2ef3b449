"""`python -m tau3mu.fit`: fits, and what belongs to them: import, generate, toys, trials."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.console.cli import print_error
from tau3mu.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_COMMANDS = ("generate", "import", "toys", "trials")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line; by default those of this process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and (hint := _misspelt(given[0])):
        print_error(f"unknown command {given[0]!r}{hint}\nsee: python -m tau3mu.fit --help")
        return 1
    name = given.pop(0) if given and given[0] in _COMMANDS else "fit"
    module = "import_dq" if name == "import" else name
    code: int = importlib.import_module(f"tau3mu.fit.commands.{module}").main(given)
    return code


def _misspelt(word: str) -> str:
    """Returns which command is meant by a word that is none, and is no fit either."""
    hint = suggest(word, _COMMANDS)
    if not hint or word in _COMMANDS or word.startswith("-") or Path(word).suffix:
        return ""
    from tau3mu.fit.language import shipped_fits

    return "" if word in shipped_fits() else hint


if __name__ == "__main__":
    sys.exit(main())
