"""`parameters FILE`: the resolved parameters of wagons, or what differs between two files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.train.printing import add_json_option, print_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Shows the parameters of wagons as they are resolved: values, defaults, units, and what each variant
changes. With two files, shows the keys of the resolved configurations that differ.

Parameters that a processor does not have any more are errors, each with its line and the name
that it may have now."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser("python -m tau3mu.train parameters", _DESCRIPTION)
    parser.add_argument("file", type=path_of, metavar="FILE", help="train file, YAML or JSON")
    parser.add_argument(
        "other", nargs="?", metavar="WAGON-OR-FILE",
        help="a wagon, or a second file, with which the first is compared",
    )  # fmt: skip
    add_json_option(parser)
    return run_main(_show, parser.parse_args(arguments))


def _show(options: argparse.Namespace) -> int:
    from tau3mu.train.parameters import changed_keys, parameter_table
    from tau3mu.train.wagon import Train

    train, other = Train.load(options.file), options.other
    if other and other.endswith((".json", ".yaml", ".yml")):
        rows = changed_keys(train.resolved, Train.load(other).resolved)
        title = f"{options.file} and {other}"
    else:
        rows = parameter_table(train.only(other).resolved if other else train.resolved)
        title = str(options.file)
    if options.json:
        print_rows(rows, as_json=True)
        return 0
    for wagon in dict.fromkeys(row.get("wagon", "") for row in rows):
        shown = [_short(row) for row in rows if row.get("wagon", "") == wagon]
        print_rows(shown, as_json=False, title=wagon or title)
    return 0


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row for people: without its wagon, and the default only where it is another."""
    cells = {key: _cell(key, value) for key, value in row.items() if key != "wagon"}
    if cells.get("default") == cells.get("value"):
        cells["default"] = None
    return cells


def _cell(key: str, value: Any) -> Any:
    """Returns a value as in a train file."""
    if key in {"value", "default", "before", "after"} and value is not None:
        return json.dumps(value, ensure_ascii=False)
    return value
