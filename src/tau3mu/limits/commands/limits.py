"""`python -m tau3mu.limits MODEL`: upper limits from a model file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tau3mu.console.cli import Parser, path_of, run_main, text_of
from tau3mu.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from tau3mu.limits.result import LimitResult

__all__ = ["check_output", "main", "print_limits", "write_new"]

_DESCRIPTION: Final = """\
Sets upper limits on a signal in many channels with shared systematic uncertainties.

Limits are CLs limits with the LHC's statistic. Data in the signal windows are not read unless
--observed is given."""

_EPILOG: Final = """\
examples:
  python -m tau3mu.limits model.json
  python -m tau3mu.limits model.json --channels 'hf_3glb_*' --cl 0.95
  python -m tau3mu.limits model.json --toys 2000 --workers 4 --output limits
  python -m tau3mu.limits check model.json
  python -m tau3mu.limits import table.json --output model.json

exit codes:
  0  the limits are there
  1  wrong usage, bad input, or a fit that has not converged"""


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("model", type=path_of, metavar="MODEL", help="a model file, JSON or YAML")
    parser.add_argument(
        "--cl", type=float, default=0.9, metavar="LEVEL", help="confidence level (default: 0.9)"
    )
    parser.add_argument(
        "--channels", action="append", default=[], type=text_of, metavar="PATTERN",
        help="use these channels alone; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--observed", action="store_true", help="read the data in the signal windows as well"
    )
    parser.add_argument(
        "--toys", type=int, default=0, metavar="N",
        help="also by N toys with signal and N without, for each of five values of r",
    )  # fmt: skip
    parser.add_argument(
        "--inject", type=float, metavar="R",
        help="use what is expected with a signal of this strength in place of the data",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="N",
        help="of the toys; with --inject, data are a random experiment of this seed",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes for toys (default: one per CPU)"
    )
    parser.add_argument(
        "--output",
        type=path_of,
        metavar="DIR",
        help="write limits.json, the model and pictures here",
    )
    return run_main(_limits, parser.parse_args(given))


def _limits(options: argparse.Namespace) -> int:
    from tau3mu.console.progress import Display
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.cpus import usable_cpus
    from tau3mu.limits.limiting import limit
    from tau3mu.storage.files import make_folder

    output = options.output
    if output is not None:
        check_output(output)
    with Display(bool(options.toys)) as display:
        display.begin("Toys", unit="toys")
        result = limit(
            options.model, cl=options.cl, channels=options.channels, observed=options.observed,
            inject=options.inject, toys=options.toys, seed=options.seed,
            workers=options.workers or usable_cpus(), progress=display.count,
        )  # fmt: skip
    print_limits(PlainConsole(), result)
    if output is not None:
        from tau3mu.limits.pictures.limits import save_limit_pictures

        make_folder(output)
        result.save(output)
        save_limit_pictures(result, output)
        PlainConsole().print(f"Results: {output}", soft_wrap=True, highlight=False)
    return 0


def check_output(folder: Path) -> None:
    """Checks that a folder for results is new or empty.

    Args:
        folder: Where to write.

    Raises:
        InputError: Something is there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = f"{folder} is not empty: choose another folder"
        raise InputError(message, code="limits.folder-in-use", path=folder)


@contextmanager
def write_new(path: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Gives a function that writes JSON into a new file, or does nothing without one.

    Args:
        path: The file.

    Raises:
        InputError: It is there already.
    """
    from tau3mu.storage.files import json_text, write_text

    if path is not None and path.exists():
        message = f"{path} is there already: choose another file, or remove it"
        raise InputError(message, code="limits.file-exists", path=path)
    yield lambda content: None if path is None else write_text(path, json_text(content))


def print_limits(console: Console, result: LimitResult) -> None:
    """Prints limits as a table.

    Args:
        console: Where to print.
        result: The limits.
    """
    from tau3mu.console.terminal import PlainTable

    strength = result.compiled.model.strength
    title = f"Upper limits at {100 * result.cl:g} % CL, r = 1 is {strength.unit}"
    table = PlainTable("", "r", strength.label, title=title)
    if (toys := result.toys) is not None:
        table.add_column("r by toys")
        table.add_column(f"{strength.label} by toys")

    for name, value, by_toys in result.rows():
        cells = [name, f"{value:.4g}", f"{value * strength.scale:.3g}"]
        if by_toys is not None:
            limit, error = by_toys
            cells += [f"{limit:.4g} ± {error:.2g}", f"{limit * strength.scale:.3g}"]
        table.add_row(*cells)
    console.print(table)
    if toys:
        console.print(
            f"{toys.toys} toys with signal and {toys.toys} without at each of {len(toys.r)} values "
            f"of r, seed {toys.seed}; {toys.failures} fits have not converged. {toys.recipe}",
            highlight=False,
        )
    if result.unblinded is None:
        console.print("Blind: no data in the signal windows were read", highlight=False)
    fitted = [name for name, of in result.background.items() if of in {"all data", "injected data"}]
    if fitted:
        what = "injected data" if result.unblinded is None else "all data, signal windows included,"
        console.print(
            f"The background of the expected limits is that of a fit with r = 0 to {what} of "
            f"{', '.join(fitted)}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    for warning in result.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False)
