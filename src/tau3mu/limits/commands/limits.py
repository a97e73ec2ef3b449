"""`python -m tau3mu.limits MODEL`: upper limits from a model file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tau3mu.console.cli import Parser, path_of, run_main, text_of
from tau3mu.errors import InputError
from tau3mu.limits.commands.data_options import add_data_options
from tau3mu.limits.commands.places import add_places, check_places, place

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
  python -m tau3mu.limits model.json --toys 500 --toys-error 0.01 --executor dask --workers 4
  python -m tau3mu.limits my_fit.json --poi nSignal --input results/2018
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
    model = "a model file, JSON or YAML; or a fit file, or the name of a shipped fit"
    add_data_options(parser, model=model)
    parser.add_argument(
        "--poi", type=text_of, metavar="NAME",
        help="of a fit file, the parameter of interest: a yield, or what yields follow from",
    )  # fmt: skip
    parser.add_argument(
        "--input", type=text_of, metavar="PATH",
        help="of a fit file, a results folder or a file, instead of the one that it names",
    )  # fmt: skip
    parser.add_argument(
        "--histogram", type=text_of, metavar="NAME",
        help="of a fit file, one histogram of the input, instead of the one that it names",
    )  # fmt: skip
    parser.add_argument(
        "--cl", type=float, default=0.9, metavar="LEVEL", help="confidence level (default: 0.9)"
    )
    parser.add_argument(
        "--toys", type=int, default=0, metavar="N",
        help="also by N toys with signal and N without, for each of five values of r",
    )  # fmt: skip
    parser.add_argument(
        "--toys-error", type=float, metavar="X",
        help="make more toys until the statistical error of the median is below X of it, such as "
        "0.01",
    )  # fmt: skip
    add_places(parser)
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
    from tau3mu.storage.files import make_folder

    output = options.output
    check_places(options)
    if output is not None:
        check_output(output)
    with Display(bool(options.toys)) as display:
        display.begin("Toys", unit="toys")
        result = _result(options, display.count)
    print_limits(PlainConsole(), result)
    if output is not None:
        from tau3mu.limits.pictures.limits import save_limit_pictures

        make_folder(output)
        result.save(output)
        if options.poi is None:
            save_limit_pictures(result, output)
        PlainConsole().print(f"Results: {output}", soft_wrap=True, highlight=False)
    return 0


def _result(options: argparse.Namespace, progress: Callable[[int, int], None]) -> LimitResult:
    if is_fit(options.model):
        from tau3mu.limits.fits import fit_limit

        if options.poi is None:
            message = f"{options.model} is a fit: --poi says on which of its parameters"
            raise InputError(message, code="limits.no-poi", path="poi")
        for name in ("channels", "toys", "toys_error", "inject"):
            if getattr(options, name):
                message = (
                    f"--{name.replace('_', '-')} is for model files, and {options.model} is a fit"
                )
                raise InputError(message, code="limits.not-for-fits", path=name)
        return fit_limit(
            options.model, options.poi, options.input, histogram=options.histogram, cl=options.cl,
            observed=options.observed,
        )  # fmt: skip
    from tau3mu.limits.limiting import limit

    for name in ("poi", "input", "histogram"):
        if getattr(options, name) is not None:
            message = f"--{name} is for fit files, and {options.model} is a model file"
            raise InputError(message, code="limits.only-for-fits", path=name)
    with place(options) as where:
        return limit(
            options.model, cl=options.cl, channels=options.channels, observed=options.observed,
            inject=options.inject, toys=options.toys, toys_error=options.toys_error,
            seed=options.seed, progress=progress, **where,
        )  # fmt: skip


def is_fit(file: Path) -> bool:
    """Returns whether a file is a fit file, or the name of a shipped fit.

    Args:
        file: Of a user.

    Raises:
        InputError: It cannot be read.
    """
    from tau3mu.config.documents import read_document
    from tau3mu.fit.language import shipped_fits

    if str(file) in shipped_fits():
        return True
    content = read_document(file, "limit model", language="limits").content
    return "channels" not in content and not {"components", "spectra"}.isdisjoint(content)


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

    strength = result.strength
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
        if toys.stop is not None:
            console.print(
                f"They end where the statistical error of the median is below {100 * toys.stop:g} "
                "% of it",
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
