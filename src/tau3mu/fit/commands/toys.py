"""`python -m tau3mu.fit toys`: fits many toy data sets, for pulls, bias and coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from typing import Any

    from rich.table import Table

    from tau3mu.fit.language import FitModel
    from tau3mu.fit.studies import ToyStudy

__all__ = ["main"]

_DESCRIPTION = """\
Draws toy data sets from a model and fits each of them: are the values unbiased, and the errors
right? The fits are made with the NumPy evaluator, from the true values.

The truth is 'value' of the parameters of the fit file, or the values of a fit (--values), or those
of a fit that is made first (--input)."""

_EPILOG = """\
examples:
  python -m tau3mu.fit toys dsphipi --number 1000 --input results/demo --output toys --workers 2
  python -m tau3mu.fit toys dsphipi --number 1000 --values results/demo/dsphipi/fit.json \\
      --output toys

writes toys.json, toys.parquet with one row per toy, and the plots pulls and bias; the numbers of a
toy depend on --seed and its index, not on --workers

exit codes:
  0  the toys are fitted; fits that are not valid are counted and skipped
  1  wrong usage, bad input (nothing was written), or no toy has a valid fit"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the program.
    """
    parser = Parser("python -m tau3mu.fit toys", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("fit", metavar="NAME-OR-FILE", help="a shipped fit, a JSON or a YAML file")
    parser.add_argument("--number", type=int, metavar="N", required=True, help="how many toys")
    parser.add_argument(
        "--output", type=path_of, metavar="DIR", required=True,
        help="where to write; nothing there is replaced",
    )  # fmt: skip
    parser.add_argument(
        "--values", type=path_of, metavar="FIT.json", help="the fit.json whose values are the truth"
    )
    parser.add_argument(
        "--input", metavar="PATH",
        help="data whose bins and weights the toys have; fitted first, unless --values is given",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the random numbers (default: 1)"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="how many processes (default: one per CPU)"
    )
    return run_main(_toys, parser.parse_args(arguments))


def _toys(options: argparse.Namespace) -> int:
    from rich.progress import Progress

    from tau3mu.console.terminal import PlainConsole
    from tau3mu.cpus import usable_cpus
    from tau3mu.fit.data.prepare import prepare, resolve, sources
    from tau3mu.fit.language import load_model
    from tau3mu.fit.output import load_fit_values
    from tau3mu.fit.output.files import check_free
    from tau3mu.fit.studies import run_toys
    from tau3mu.fit.studies.toy_study import toy_files

    console, messages = PlainConsole(), PlainConsole(stderr=True, soft_wrap=True, highlight=False)
    model = resolve(load_model(options.fit))
    check_free(options.output, toy_files())
    values: Mapping[str, float] | None = None
    like = None
    if options.input is not None:
        found = sources(model, options.input)
        like = prepare(model, {name: source.data for name, source in found.items()})
    if options.values is not None:
        values = load_fit_values(options.values)
    elif like is not None:
        with messages.status("Fitting the data"):
            values = _fitted(model, like)
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("Toys", total=options.number)
        study = run_toys(
            model, options.number, values=values, like=like, seed=options.seed,
            workers=usable_cpus() if options.workers is None else options.workers,
            progress=lambda done: progress.advance(task, done),
        )  # fmt: skip
    study.save(options.output)
    console.print(_table(study))
    _print_failures(messages, study)
    messages.print(f"written to {options.output}")
    return 0 if study.statuses["ok"] else 1


def _fitted(model: FitModel, data: Any) -> dict[str, float]:
    from tau3mu.errors import InputError
    from tau3mu.fit.fitting import fit_prepared

    method = model.method.model_copy(update={"engine": "numpy"})
    result = fit_prepared(model.model_copy(update={"method": method}), data)
    if not result.valid:
        message = (
            f"fit {model.name}: the fit of the data is not valid, so toys need other true values: "
            f"{result.messages[0]}; give them by --values"
        )
        raise InputError(message, code="fit.invalid-fit", path="--input")
    return result.values


def _table(study: ToyStudy) -> Table:
    from tau3mu.console.terminal import PlainTable

    number = len(study.toys)
    table = PlainTable(
        "Quantity", "Truth", "Toys", "Pull mean", "Pull width", "Within ±1σ",
        title=f"{number} toy{'' if number == 1 else 's'} of {study.model.name}",
    )  # fmt: skip
    for name, found in study.summary.items():
        table.add_row(
            name,
            f"{found.truth:.5g}",
            str(found.toys),
            f"{found.pull_mean:+.3f} ± {found.pull_mean_error:.3f}",
            f"{found.pull_width:.3f} ± {found.pull_width_error:.3f}",
            f"{100 * found.coverage:.1f} %",
        )
    return table


def _print_failures(messages: Any, study: ToyStudy) -> None:
    for status, number in study.statuses.items():
        if status != "ok":
            messages.print(f"not valid: {number} of {len(study.toys)} toys: {status}")
    for warning in study.warnings:
        messages.print(f"warning: {warning}")
