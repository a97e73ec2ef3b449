"""`python -m tau3mu.limits import FILE`: a model file from a channel table or a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION: Final = """\
Writes a model file from a channel table or a card of Combine.

Cards have counting experiments or templates in ROOT files. What a model file cannot express, such
as workspaces, ends with an error that names the line."""


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits import", _DESCRIPTION)
    parser.add_argument(
        "source", type=path_of, metavar="FILE", help="a channel table (JSON), or a card of Combine"
    )
    parser.add_argument(
        "--output", type=path_of, required=True, metavar="MODEL.json", help="a new file"
    )
    return run_main(_import, parser.parse_args(given))


def _import(options: argparse.Namespace) -> int:
    from tau3mu.config.input_files import read_text
    from tau3mu.limits.importing import from_card, from_table
    from tau3mu.limits.importing.card_lines import is_card
    from tau3mu.storage.files import json_text, write_text

    if options.output.exists():
        message = f"{options.output} is there already: choose another file, or remove it"
        raise InputError(message, code="limits.file-exists", path=options.output)
    card = is_card(read_text(options.source, "channel table or card"))
    model = (from_card if card else from_table)(options.source)
    content = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    write_text(options.output, json_text(content))
    return 0
