"""`python -m tau3mu.fit`: fits, and what belongs to them: import, generate, toys, trials."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_COMMANDS = ("generate", "import", "toys", "trials")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given.pop(0) if given and given[0] in _COMMANDS else "fit"
    module = "import_dq" if name == "import" else name
    code: int = importlib.import_module(f"tau3mu.fit.commands.{module}").main(given)
    return code


if __name__ == "__main__":
    sys.exit(main())
