"""`python -m tau3mu.train datasets`: the registry of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.console.cli import Parser, run_main, text_of
from tau3mu.train.printing import add_json_option, add_store_option, print_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DIGITS: Final = 12
"""Of a version, in tables for people; they are enough to name it."""
_MOST: Final = 5
_FOR_PROGRAMS: Final = {"checksum", "layout", "replicas", "tree", "uuid", "written"}
_PROGRAM = "python -m tau3mu.train datasets"
_DESCRIPTION = """\
Registers datasets by name, with versions that are hashes of their content.

A train file that names a registered dataset reads its current version; every train and test records
which one that was."""

_EPILOG = """\
examples:
  python -m tau3mu.train datasets add data/dsphipi_2017.json --prefix root://server//store
      opens every file once, and says what has changed since the version before
  python -m tau3mu.train datasets add 'skims/*.root' --name skim --parent 2017B
  python -m tau3mu.train datasets ls --json
  python -m tau3mu.train datasets show 2017B
      versions, files, parents, and what has changed since the trains that read it
  python -m tau3mu.train datasets rm 2017B@0a1b2c3d
      no data file is removed

exit codes:
  0  success, also if nothing has changed
  1  wrong usage, bad input, or something refers to what is to be removed (nothing was changed)"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the program.
    """
    options = _parser().parse_args(arguments)
    return run_main(options.function, options)


def _parser() -> Parser:
    parser = Parser(_PROGRAM, _DESCRIPTION, epilog=_EPILOG)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: Any, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(function=function)
        add_store_option(found)
        add_json_option(found)
        return found

    add = command("add", _add, "register datasets, or new versions of them")
    add.add_argument(
        "sources", nargs="+", type=text_of, metavar="SOURCE",
        help="a shipped dataset, a dataset file, ntuples, or a folder of derived data",
    )  # fmt: skip
    add.add_argument("--name", type=text_of, help="of the dataset; ntuples need one")
    add.add_argument(
        "--parent", type=text_of, metavar="NAME[@VERSION]", help="what it was made from"
    )
    add.add_argument("--description", metavar="TEXT", help="a line for other people")
    add.add_argument(
        "--prefix", metavar="PREFIX", help="put before the paths in dataset files: folder or URL"
    )
    add.add_argument("--layout", metavar="NAME", help="of all files: a shipped one or a table")
    ls = command("ls", _ls, "list datasets")
    ls.add_argument("--derived", action="store_true", help="only those with a parent")
    for name, function, text in (
        ("show", _show, "show a dataset: versions, files, parents, who has read it"),
        ("rm", _rm, "remove a dataset or a version, unless something refers to it"),
    ):
        one = command(name, function, text)
        one.add_argument("reference", type=text_of, metavar="NAME[@VERSION]")
    for name, active, text in (
        ("activate", True, "let new trains read a dataset again"),
        ("deactivate", False, "keep new trains from reading a dataset"),
    ):
        one = command(name, _activate, text)
        one.add_argument("reference", type=text_of, metavar="NAME")
        one.set_defaults(active=active)
    return parser


def _add(options: argparse.Namespace) -> int:
    from rich.progress import Progress

    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.registering import register
    from tau3mu.train.store import Store

    messages = PlainConsole(stderr=True, soft_wrap=True, highlight=False)
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("Files", total=None)
        added = register(
            Store(options.store), options.sources, name=options.name, parent=options.parent,
            description=options.description, prefix=options.prefix, layout=options.layout,
            on_file=lambda: progress.advance(task),
        )  # fmt: skip
    rows = [
        {
            "name": one.dataset.name,
            "version": one.dataset.version,
            "files": len(one.dataset.files),
            "events": one.dataset.events,
            "bytes": one.dataset.size,
            "change": one.text,
            "written": one.written,
        }
        for one in added
    ]
    _print(rows, options)
    return 0


def _ls(options: argparse.Namespace) -> int:
    from tau3mu.train.listing import dataset_rows
    from tau3mu.train.store import Store

    _print(dataset_rows(Store(options.store), derived=options.derived), options)
    return 0


def _show(options: argparse.Namespace) -> int:
    import json
    import sys

    from tau3mu.train.listing import dataset_details
    from tau3mu.train.store import Store

    details = dataset_details(Store(options.store), options.reference)
    if options.json:
        sys.stdout.write(json.dumps(details, indent=2, ensure_ascii=False) + "\n")
        return 0
    facts = details.pop("facts")
    title = f"{facts['name']}@{facts['version']}"
    rows = [{"fact": key, "value": _text(value, key)} for key, value in facts.items()]
    print_rows([row for row in rows if row["value"]], as_json=False, title=title)
    for name, rows in details.items():
        if rows:
            _print(rows, options, title=name)
    return 0


def _rm(options: argparse.Namespace) -> int:
    from tau3mu.train.registering import unregister
    from tau3mu.train.store import Store

    gone = unregister(Store(options.store), options.reference)
    rows = [{"removed": f"{one.name}@{one.version}"} for one in gone]
    print_rows(rows, as_json=options.json)
    return 0


def _activate(options: argparse.Namespace) -> int:
    from tau3mu.train.registering import set_active
    from tau3mu.train.store import Store

    dataset = set_active(Store(options.store), options.reference, active=options.active)
    rows = [{"name": dataset.name, "version": dataset.version, "active": dataset.active}]
    print_rows(rows, as_json=options.json)
    return 0


def _print(
    rows: Sequence[dict[str, Any]], options: argparse.Namespace, title: str | None = None
) -> None:
    """Prints rows; tables for people have no column that is empty or only for programs."""
    from tau3mu.train.store import Store

    if not options.json and not rows:
        rows = [{"datasets": 0, "store": str(Store(options.store).root)}]
    elif not options.json:
        texts = [{key: _text(value, key) for key, value in row.items()} for row in rows]
        shown = [key for key in (rows[0] if rows else {}) if any(row[key] for row in texts)]
        rows = [{key: row[key] for key in shown if key not in _FOR_PROGRAMS} for row in texts]
    print_rows(rows, as_json=options.json, title=title)


def _text(value: Any, key: str) -> Any:
    """Returns a value in the form for people."""
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        first = ", ".join(map(str, value[:_MOST]))
        return first + (f" and {len(value) - _MOST} more" if len(value) > _MOST else "")
    if key == "version":
        return str(value)[:_DIGITS]
    if key == "bytes":
        return f"{value / 1e6:,.1f} MB"
    return f"{value:,}" if isinstance(value, int) else str(value)
