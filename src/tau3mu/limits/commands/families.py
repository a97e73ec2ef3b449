"""`python -m tau3mu.limits families MODEL`: the background families of each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION: Final = """\
Writes a model file whose channels list several background families.

Each channel with data outside of its windows gets an exponential, a power law and a Bernstein
polynomial whose order is that of an F-test (p < 0.1). Data in the windows are not read."""


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits families", _DESCRIPTION)
    parser.add_argument("model", type=path_of, metavar="MODEL", help="a model file, JSON or YAML")
    parser.add_argument(
        "--output", type=path_of, required=True, metavar="NEW.json", help="a new file"
    )
    return run_main(_families, parser.parse_args(given))


def _families(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole, PlainTable
    from tau3mu.limits.commands.limits import write_new
    from tau3mu.limits.families import choose_families

    with write_new(options.output) as write:
        model, fits = choose_families(options.model)
        write(model.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    table = PlainTable("channel", "family", "−ln L", "p value", "kept", title="Background families")
    for fit in fits:
        p_value = "" if fit.p_value is None else f"{fit.p_value:.3g}"
        table.add_row(fit.channel, fit.family, f"{fit.nll:.2f}", p_value, "yes" * fit.kept)
    PlainConsole().print(table)
    return 0
