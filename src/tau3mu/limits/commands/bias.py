"""`python -m tau3mu.limits bias MODEL`: the bias of r from the choice of background families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, run_main, text_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION: Final = """\
Makes toys of each background family and fits them with each family, and with a choice among them.

The table has the median pull of r of each pair. Data in the signal windows are not read."""

_EPILOG: Final = """\
examples:
  python -m tau3mu.limits families model.json --output several.json
  python -m tau3mu.limits bias several.json --toys 500 --inject 0.5 --output bias"""


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits bias", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("model", type=path_of, metavar="MODEL", help="a model file, JSON or YAML")
    parser.add_argument(
        "--toys", type=int, required=True, metavar="N", help="toys of each family, 20 or more"
    )
    parser.add_argument(
        "--inject", type=float, default=0.0, metavar="R",
        help="the strength of the signal in the toys (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--channels", action="append", default=[], type=text_of, metavar="PATTERN",
        help="use these channels alone; may be repeated",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of toys (default: 1)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes for toys (default: one per CPU)"
    )
    parser.add_argument(
        "--output", type=path_of, metavar="DIR", help="write bias.json and a picture here"
    )
    return run_main(_bias, parser.parse_args(given))


def _bias(options: argparse.Namespace) -> int:
    from tau3mu.console.progress import Display
    from tau3mu.console.terminal import PlainConsole, PlainTable
    from tau3mu.cpus import usable_cpus
    from tau3mu.limits.bias import bias_study
    from tau3mu.limits.commands.limits import check_output
    from tau3mu.storage.files import json_text, make_folder, write_text

    if options.output is not None:
        check_output(options.output)
    with Display(True) as display:
        display.begin("Toys", unit="toys")
        study = bias_study(
            options.model, toys=options.toys, inject=options.inject, channels=options.channels,
            seed=options.seed, workers=options.workers or usable_cpus(), progress=display.count,
        )  # fmt: skip
    fits = list(dict.fromkeys(one.fit for one in study.biases))
    title = f"Median pull of r, {study.toys} toys of each family with r = {study.r:.4g}"
    table = PlainTable("toys", *(f"fit: {one}" for one in fits), title=title)
    for truth in dict.fromkeys(one.truth for one in study.biases):
        medians = [one.median for one in study.biases if one.truth == truth]
        table.add_row(truth, *(f"{value:+.2f} ± {error:.2f}" for value, error in medians))
    console = PlainConsole()
    console.print(table)
    if failures := sum(one.failures for one in study.biases):
        console.print(f"warning: {failures} fits of toys have not converged; they count nowhere",
                      style="yellow", highlight=False)  # fmt: skip
    if options.output is not None:
        from tau3mu.limits.pictures.bias import save_bias_picture

        make_folder(options.output)
        write_text(options.output / "bias.json", json_text(study.to_dict()))
        save_bias_picture(study, options.output)
        console.print(f"Results: {options.output}", soft_wrap=True, highlight=False)
    return 0
