"""`python -m tau3mu.limits check MODEL`: what is wrong or odd in a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION: Final = """\
Checks a model file: what is wrong is an error, what is odd a warning.

Data are read as well, but for those in the signal windows."""


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits check", _DESCRIPTION)
    parser.add_argument("model", type=path_of, metavar="MODEL", help="a model file, JSON or YAML")
    return run_main(_check, parser.parse_args(given))


def _check(options: argparse.Namespace) -> int:
    from tau3mu.config.documents import read_document
    from tau3mu.config.problems import Problem
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.limits.language.files import load_model
    from tau3mu.limits.linting import lint

    model, found = load_model(options.model), lint(options.model)
    document = read_document(options.model, "limit model", language="limits")
    text = document.sentences([Problem(one.keys, one.code, one.message) for one in found])
    console = PlainConsole()
    for sentence, one in zip(text, found, strict=True):
        console.print(f"warning: {sentence} [{one.code}]", highlight=False, soft_wrap=True,
                      markup=False)  # fmt: skip
    number = f"; {len(found)} warning{'s' * (len(found) != 1)}" if found else ""
    console.print(
        f"{options.model} is a valid model of {len(model.channels)} channels and "
        f"{len(model.nuisances)} nuisances{number}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    return 0
