"""`serve [FILE ...]`: analyses, trains and results of a store in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.train.printing import add_database_option, add_store_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    from tau3mu.web.options import add_server_options

    parser = Parser(
        "python -m tau3mu.train serve",
        "Shows analyses, trains, tests, datasets and results of a store in a browser.",
    )
    parser.add_argument(
        "files", type=path_of, nargs="*", metavar="FILE",
        help="train files of which tests and trains can be started from the page",
    )  # fmt: skip
    add_store_option(parser)
    add_database_option(parser)
    add_server_options(parser)
    return run_main(_serve, parser.parse_args(arguments))


def _serve(options: argparse.Namespace) -> int:
    from tau3mu.train.store import Store
    from tau3mu.web.options import check_installed

    check_installed()
    from tau3mu.train.page.site import store_site
    from tau3mu.web.serving import serve

    return serve(store_site(Store(options.store), options.files, options.database), options)
