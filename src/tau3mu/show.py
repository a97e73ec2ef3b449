"""`python -m tau3mu.show FOLDER`: a results folder in a browser."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words of the command line; those of the process by default.
    """
    from tau3mu.web.serving import add_server_options

    parser = Parser("python -m tau3mu.show", "Shows a results folder in a browser.")
    parser.add_argument("folder", type=path_of, metavar="FOLDER", help="a results folder")
    add_server_options(parser)
    return run_main(_show, parser.parse_args(arguments))


def _show(options: argparse.Namespace) -> int:
    from tau3mu.web.application import Site
    from tau3mu.web.serving import serve

    return serve(Site(root=options.folder.absolute(), title=options.folder.name), options)


if __name__ == "__main__":
    sys.exit(main())
