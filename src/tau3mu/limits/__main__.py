"""`python -m tau3mu.limits`: upper limits, significances and their diagnostics."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_COMMANDS: Final = {
    "bias": "bias",
    "check": "check",
    "diagnose": "diagnose",
    "export": "export",
    "families": "families",
    "feldman-cousins": "feldman_cousins",
    "import": "import_",
    "significance": "significance",
}
"""Modules of the commands; without a command, words are those of `limits`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code.

    Args:
        arguments: The words of the command line; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = "limits"
    if given and given[0] in _COMMANDS:
        name = _COMMANDS[given.pop(0)]
    module = importlib.import_module(f"tau3mu.limits.commands.{name}")
    code: int = module.main(given)
    return code


if __name__ == "__main__":
    sys.exit(main())
