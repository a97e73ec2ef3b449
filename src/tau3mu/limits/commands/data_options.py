"""Options that commands on models of limits have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import path_of, text_of

if TYPE_CHECKING:
    from tau3mu.console.cli import Parser

__all__ = ["add_data_options"]


def add_data_options(parser: Parser, *, model: str = "a model file, JSON or YAML") -> None:
    """Adds the model, its channels, and the data that are used.

    Args:
        parser: Of a command.
        model: What the model may be.
    """
    parser.add_argument("model", type=path_of, metavar="MODEL", help=model)
    parser.add_argument(
        "--channels", action="append", default=[], type=text_of, metavar="PATTERN",
        help="use these channels alone; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--observed", action="store_true", help="read the data in the signal windows as well"
    )
    parser.add_argument(
        "--inject", type=float, metavar="R",
        help="use what is expected with a signal of this strength in place of the data",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="N",
        help="of the toys; with --inject, data are a random experiment of this seed",
    )  # fmt: skip
