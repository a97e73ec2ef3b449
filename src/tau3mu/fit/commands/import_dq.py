"""`python -m tau3mu.fit import`: turns a configuration of dq_fitter into fit files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Turns a JSON configuration of dq_fitter into fit files of this package.

There is one file for each input, fit range and set of tails. What has no counterpart, and what had
to be changed, such as start values outside of their limits, is listed."""

_EPILOG = """\
examples:
  python -m tau3mu.fit import configFit.json
      writes beside the configuration, and never over a file
  python -m tau3mu.fit import configFit.json --output fits

exit codes:
  0  the files are written
  1  wrong usage, or a configuration that cannot be understood (nothing was written)"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the program.
    """
    parser = Parser("python -m tau3mu.fit import", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("file", type=path_of, metavar="FILE", help="a configuration of dq_fitter")
    parser.add_argument(
        "--output", type=path_of, metavar="DIR", help="where to write (default: beside FILE)"
    )
    return run_main(_import, parser.parse_args(arguments))


def _import(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.fit.dq import write_imported

    console = PlainConsole(soft_wrap=True)
    messages = PlainConsole(stderr=True, soft_wrap=True, highlight=False)
    written = write_imported(options.file, options.output or Path(options.file).parent)
    for warning in _once(written):
        messages.print(f"warning: {warning}")
    for file in written:
        console.print(f"{file}: check it with `python -m tau3mu.fit --check {file}`")
    return 0


def _once(written: Mapping[Path, Sequence[str]]) -> list[str]:
    """Returns each warning once, after the names of the files with it."""
    files: dict[str, list[str]] = {}
    for file, warnings in written.items():
        for warning in warnings:
            files.setdefault(warning, []).append(file.name)
    every = len(written)
    return [
        f"{'all files' if 1 < every == len(names) else ', '.join(names)}: {warning}"
        for warning, names in files.items()
    ]
