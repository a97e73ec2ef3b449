"""`python -m tau3mu.show FOLDER [OTHER]`: results in a browser, or as one HTML file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from tau3mu.web.site import Site

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words of the command line; those of the process by default.
    """
    from tau3mu.web.options import add_server_options

    parser = Parser(
        "python -m tau3mu.show",
        "Shows a results folder, or what differs between two, in a browser or as one HTML file.",
    )
    parser.add_argument(
        "folder",
        type=path_of,
        metavar="FOLDER",
        help="a results folder, or one with several below it",
    )
    parser.add_argument(
        "other", type=path_of, nargs="?", metavar="OTHER", help="another one, to compare with it"
    )
    parser.add_argument(
        "--export", type=path_of, metavar="FILE.html",
        help="write the page into one file that needs no other, and start no server",
    )  # fmt: skip
    add_server_options(parser)
    return run_main(_show, parser.parse_args(arguments))


def _show(options: argparse.Namespace) -> int:
    folders = [path for path in (options.folder, options.other) if path is not None]
    for path in folders:
        if not path.is_dir():
            message = (
                f"{path} is not a folder: expected a results folder, or one with several below it"
            )
            raise InputError(message, code="show.no-folder", path=path)
    if options.export is not None:
        return _export(folders, options.export)
    from tau3mu.web.options import check_installed

    check_installed()
    from tau3mu.web.serving import serve

    return serve(_site([path.resolve() for path in folders]), options)


def _export(folders: Sequence[Path], file: Path) -> int:
    if len(folders) == 1:
        from tau3mu.report.export import export_result

        export_result(folders[0], file)
    else:
        from tau3mu.compare import compare
        from tau3mu.report.export import check_free, export_comparison

        check_free(file)  # before the work
        export_comparison(compare(*folders), file)
    sys.stdout.write(f"{file}\n")
    return 0


def _site(folders: Sequence[Path]) -> Site:
    """Returns the site of one folder, or of two and what differs between them."""
    from tau3mu.web.site import Site

    first, *rest = folders
    if not rest:
        return Site(root=first, title=first.name)
    names = [path.name.lstrip(".") or "folder" for path in folders]
    if names[0] == names[1]:
        names = [f"{name} ({place})" for name, place in zip(names, "AB", strict=True)]
    return Site(
        root=dict(zip(names, folders, strict=True)),
        title=" and ".join(names),
        home=("compare", {"a": names[0], "b": names[1]}),
        navigation=[("Compare", "compare")],
    )


if __name__ == "__main__":
    sys.exit(main())
