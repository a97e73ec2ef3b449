"""`python -m tau3mu.train test`: measures what wagons need, in processes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.console.cli import Parser, path_of, print_error, print_warning, run_main, text_of
from tau3mu.train.printing import add_json_option, add_store_option, print_rows

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from tau3mu.train.testing import Tested

__all__ = ["main"]

_DESCRIPTION: Final = """\
Runs wagons of a train file for a limited time, each in a process of its own, and then the whole
train. Measures memory, CPU and output, extrapolates them to the whole datasets, and compares them
with the limits of the file. A result that is there already is reused while wagon, needs, datasets,
code and settings are the same."""

_EPILOG: Final = """\
examples:
  python -m tau3mu.train test train.yaml
  python -m tau3mu.train test train.yaml dsphipi --time-limit 20
  python -m tau3mu.train test --history dsphipi

exit codes:
  0  all OK, or WARN without --strict
  1  a test is FAILED, or WARN with --strict; or wrong usage"""

_COLUMNS: Final = {
    "wagon": "wagon",
    "test": "test",
    "state": "state",
    "events_per_s": "1/s",
    "memory_mb": "MB",
    "all_memory_mb": "all MB",
    "all_cpu_h": "CPU h",
    "all_output_mb": "out MB",
    "changed": "changed",
}
"""What fits onto a terminal: events per second and memory, then what all events will need."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: Those of the command line, by default.
    """
    parser = Parser("python -m tau3mu.train test", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("file", nargs="?", type=path_of, metavar="FILE", help="the train file")
    parser.add_argument(
        "wagons",
        nargs="*",
        type=text_of,
        metavar="WAGON",
        help="which wagons to test (default: all)",
    )
    parser.add_argument(
        "--time-limit", type=_seconds, default=180.0, metavar="SECONDS",
        help="begin no further chunk of events after this time (default: 180)",
    )  # fmt: skip
    parser.add_argument(
        "--train", action="store_true",
        help="test only the whole train, and not each wagon before",
    )  # fmt: skip
    parser.add_argument("--again", action="store_true", help="test also what has not changed")
    parser.add_argument("--strict", action="store_true", help="the exit code of a WARN is 1")
    parser.add_argument(
        "--history", type=text_of, metavar="WAGON",
        help="test nothing, but show all tests of a wagon, also as a picture",
    )  # fmt: skip
    add_json_option(parser)
    add_store_option(parser)
    options = parser.parse_args(arguments)
    if (options.file is None) == (options.history is None):
        parser.error("expected either a train FILE or --history WAGON")
    return run_main(_history if options.history else _test, options)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError
    return value


_seconds.__name__ = "number of seconds"  # in messages of argparse


def _test(options: Namespace) -> int:
    from tau3mu.train.states import State
    from tau3mu.train.testing import test

    tests = test(
        options.file,
        options.wagons,
        store=options.store,
        time_limit=options.time_limit,
        whole=True if options.train else None,
        again=options.again,
        on_begin=lambda name: _say(options, name),
    )
    rows = tests.rows()
    if options.json:
        print_rows([{**row, "folder": str(one.folder), "findings": _findings(one)}
                    for row, one in zip(rows, tests, strict=True)], as_json=True)  # fmt: skip
    else:
        print_rows([_short(row) for row in rows], as_json=False)
        for one in tests:
            for finding in one.metrics.findings:
                say = print_error if finding.state is State.FAILED else print_warning
                say(f"{one.name}: {finding.state.value} {finding.code}: {finding.text}")
    if tests.state is State.FAILED:
        return 1
    return 1 if options.strict and tests.state is State.WARN else 0


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    return {title: row.get(name) for name, title in _COLUMNS.items() if name in row}


def _findings(one: Tested) -> list[dict[str, str]]:
    return [finding.model_dump(mode="json") for finding in one.metrics.findings]


def _say(options: Namespace, name: str) -> None:
    from tau3mu.console.terminal import PlainConsole

    console = PlainConsole(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"testing {name}, {options.time_limit:g} s at most")


def _history(options: Namespace) -> int:
    from tau3mu.train.history import history, plot_history
    from tau3mu.train.store import Store

    store = Store(options.store)
    rows = history(store, options.history)
    names = list(dict.fromkeys(name for row in rows for name in row))
    full = [{name: row.get(name) for name in names} for row in rows]
    shown = full if options.json else [_short(row) for row in full]
    print_rows(shown, as_json=options.json, title=f"tests of {options.history}")
    picture = plot_history(store, options.history)
    if not options.json:
        from tau3mu.console.terminal import PlainConsole

        PlainConsole(highlight=False, soft_wrap=True).print(f"picture: {picture}")
    return 0
