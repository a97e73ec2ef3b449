"""`python -m tau3mu.layout FILE.root`: a layout table from the branches of a file, to be edited."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import Parser, path_of, run_main, text_of
from tau3mu.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words of the command line; those of the process by default.
    """
    parser = Parser(
        "python -m tau3mu.layout",
        "Proposes a layout table from the branches of a file.",
        epilog="a table in the working directory is found by python -m tau3mu.run by itself",
    )
    parser.add_argument(
        "file", type=text_of, metavar="FILE.root",
        help="an ntuple: a path or a URL, with :TREE at the end if it has several trees",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_of, metavar="FILE.tsv",
        help="write the table into a new file (default: print it)",
    )  # fmt: skip
    return run_main(_propose, parser.parse_args(arguments))


def _propose(options: argparse.Namespace) -> int:
    from tau3mu.ntuples.proposing import propose_table

    if options.output is not None and options.output.exists():
        message = f"{options.output} is there already: choose another file, or remove it"
        raise InputError(message, code="layout.file-exists", path=options.output)
    text = propose_table(*_branches(options.file))
    if options.output is None:
        sys.stdout.write(text)
    else:
        from tau3mu.storage.files import write_text

        write_text(options.output, text)
        sys.stdout.write(f"{options.output}\n")
    return 0


def _branches(file: str) -> tuple[str, dict[str, str]]:
    """Returns the name of a tree, and the types of its branches."""
    from tau3mu.ntuples.fields import field_types
    from tau3mu.ntuples.open_files import open_file
    from tau3mu.storage.failures import is_defect, read_errors, reason
    from tau3mu.storage.locations import split_tree
    from tau3mu.storage.remote import client_options

    path, asked = split_tree(file)
    try:
        with open_file(path, lambda _: True, **client_options(path)) as opened:
            root = opened.root_directory
            name = _tree_of(root, path, asked)
            return name, field_types(root[name], root[name].keys(recursive=False))
    except InputError:
        raise
    except FileNotFoundError as error:
        message = f"{path}: no such file"
        raise InputError(message, code="layout.no-file", path=path) from error
    except read_errors() as error:
        if is_defect(error):
            raise
        message = f"{path} cannot be read: {reason(error)}"
        raise InputError(message, code="layout.cannot-read", path=path) from error


def _trees(root: Any) -> list[str]:
    from tau3mu.datasets.contents import TREE_CLASSES

    return sorted(set(root.keys(cycle=False, filter_classname=TREE_CLASSES)))


def _tree_of(root: Any, path: str, asked: str | None) -> str:
    """Returns the tree that is asked for, or the only one of a file, or `Events`."""
    trees = _trees(root)
    name = asked or ("Events" if "Events" in trees else trees[0] if len(trees) == 1 else None)
    if name not in trees:
        message = f"{path} holds the trees {', '.join(trees) or '(none)'}: name one, {path}:TREE"
        raise InputError(message, code="layout.which-tree", path=path)
    return str(name)


if __name__ == "__main__":
    sys.exit(main())
