"""`python -m tau3mu.limits import TABLE`: a model file from a channel table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits import", "Writes a model file from a channel table.")
    parser.add_argument("source", type=path_of, metavar="TABLE", help="a channel table, JSON")
    parser.add_argument(
        "--output", type=path_of, required=True, metavar="MODEL.json", help="a new file"
    )
    return run_main(_import, parser.parse_args(given))


def _import(options: argparse.Namespace) -> int:
    from tau3mu.limits.importing import from_table
    from tau3mu.storage.files import json_text, write_text

    if options.output.exists():
        message = f"{options.output} is there already: choose another file, or remove it"
        raise InputError(message, code="limits.file-exists", path=options.output)
    model = from_table(options.source)
    content = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    write_text(options.output, json_text(content))
    return 0
