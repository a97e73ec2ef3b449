"""`python -m tau3mu.search CONFIG`: the search for τ→3μ, step by step."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from tau3mu.console.cli import Parser, path_of, run_main, text_of
from tau3mu.search.state import STEPS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from tau3mu.search.state import Search

__all__ = ["main"]

_DESCRIPTION: Final = """\
Does a search for τ→3μ from ntuples to an expected limit: checks the datasets, selects and fits
the control channel, selects the candidates of the search, trains a discriminant, chooses bins of
its score, writes the statistical model, and sets the limit. Data are blind until they are
unblinded with the hash that the search says at its end."""

_EPILOG: Final = """\
examples:
  python -m tau3mu.search search.json --output results/search
  python -m tau3mu.search search.json --output results/search --until training
  python -m tau3mu.search search.json --output results/search --resume --executor futures
  python -m tau3mu.search unblind results/search --hash 0123456789abcdef

exit codes:
  0    all steps that were asked for are done
  1    wrong usage, bad input, or a step that failed
  130  interrupted; --resume goes on"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: The words of the command line; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["unblind"]:
        return _unblind_main(given[1:])
    parser = Parser("python -m tau3mu.search", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument(
        "config", type=path_of, metavar="CONFIG", help="a search file, JSON or YAML"
    )
    parser.add_argument(
        "--output", type=path_of, required=True, metavar="DIR", help="the results of all steps"
    )
    parser.add_argument(
        "--until", default="limit", choices=STEPS, metavar="STEP",
        help=f"the last step, one of {', '.join(STEPS)} (default: limit)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="go on in DIR: steps that nothing has changed for are kept, others done again",
    )  # fmt: skip
    _add_run_options(parser)
    return run_main(_search, parser.parse_args(given))


def _add_run_options(parser: Parser) -> None:
    parser.add_argument(
        "--executor", default="iterative", type=text_of, metavar="NAME",
        help="of all runs: iterative, futures or dask (default: iterative)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=int, metavar="N", help="of all runs (default: one per CPU)"
    )
    parser.add_argument(
        "--scheduler", type=text_of, metavar="ADDRESS", help="of a Dask cluster that is there"
    )


def _run_options(options: argparse.Namespace) -> dict[str, Any]:
    given = {"executor": options.executor, "workers": options.workers,
             "scheduler": options.scheduler}  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _search(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.search.chain import search
    from tau3mu.search.frozen import frozen_hash

    console = PlainConsole(stderr=True, highlight=False)
    try:
        found = search(
            options.config, options.output, until=options.until, resume=options.resume,
            tell=lambda step, what: console.print(f"{step}: {what}"), **_run_options(options),
        )  # fmt: skip
    except KeyboardInterrupt as error:  # that of a run names the folder of the step
        message = "interrupted; what was done is kept: give the same command with --resume"
        raise KeyboardInterrupt(message) from error
    output = PlainConsole(highlight=False, soft_wrap=True)
    print_search(output, found)
    output.print(f"Results: {found.folder}")
    if found.is_unblinded:
        output.print(f"Its data have been unblinded: see {found.folder}/unblinded")
    elif "limit" in found.facts:
        output.print(f"To unblind: python -m tau3mu.search unblind {options.output} "
                     f"--hash {frozen_hash(found)}")  # fmt: skip
    return 0


def print_search(console: Console, search: Search) -> None:
    """Prints what the steps of a search have found.

    Args:
        console: Where to print.
        search: The search.
    """
    for table in search.tables.values():
        console.print(table.for_terminal())
        for line in table.sentences():
            console.print(line)
    if "limit" in search.facts:
        limit, scale = search.facts["limit"], search.config.branching_fraction
        values = [scale * limit["expected"][n] for n in ("0", "-1", "1")]
        console.print(
            f"Expected limit at {100 * search.config.cl:g} % CL: B(τ→3μ) < {values[0]:.3g} "
            f"({values[1]:.3g} to {values[2]:.3g})"
        )


def _unblind_main(given: Sequence[str]) -> int:
    parser = Parser(
        "python -m tau3mu.search unblind",
        "Opens the signal windows of a search whose steps are all done, and sets the observed "
        "limit. Afterwards, nothing that was decided blind can change.",
    )
    parser.add_argument("folder", type=path_of, metavar="DIR", help="the folder of the search")
    parser.add_argument(
        "--hash", required=True, type=text_of, metavar="HASH",
        help="what the search has said at its end: the windows are opened for this search alone",
    )  # fmt: skip
    _add_run_options(parser)
    return run_main(_unblind, parser.parse_args(given))


def _unblind(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.search.unblinding import unblind

    found = unblind(options.folder, options.hash, **_run_options(options))
    scale = found.compiled.model.strength.scale
    console = PlainConsole(highlight=False, soft_wrap=True)
    assert found.observed is not None
    console.print(
        f"Limits at {100 * found.cl:g} % CL: B(τ→3μ) < {scale * found.observed:.3g} observed, "
        f"{scale * found.expected[0]:.3g} expected"
    )
    console.print(f"Results: {options.folder}/unblinded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
