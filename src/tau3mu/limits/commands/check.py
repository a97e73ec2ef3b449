"""`python -m tau3mu.limits check MODEL`: what is wrong with a model, without its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits check", "Checks a model file and reads no data.")
    parser.add_argument("model", type=path_of, metavar="MODEL", help="a model file, JSON or YAML")
    return run_main(_check, parser.parse_args(given))


def _check(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.limits.language.files import load_model

    model = load_model(options.model)
    PlainConsole().print(
        f"{options.model} is a valid model of {len(model.channels)} channels and "
        f"{len(model.nuisances)} nuisances",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    return 0
