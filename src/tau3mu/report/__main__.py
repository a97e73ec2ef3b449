"""`python -m tau3mu.report FOLDER`: results as one file of HTML, or as tables for a note."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, print_warning, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_EPILOG: Final = """\
examples:
  python -m tau3mu.report results/2017
      results/2017/report.html, with pictures, which can be mailed
  python -m tau3mu.report results/2017 --latex --output tables.tex
      tables of cutflows, yields and fits, rounded as the Particle Data Group does
  python -m tau3mu.report results/2017 --markdown
      the same for a web page or a merge request, printed"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words of the command line; those of the process by default.
    """
    parser = Parser(
        "python -m tau3mu.report",
        "Writes results as one HTML file, or their tables in LaTeX or Markdown.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "folder", type=path_of, metavar="FOLDER", help="a results folder, or that of a train"
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--latex", action="store_true", help="tables in LaTeX, with booktabs")
    forms.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument(
        "--output", type=path_of, metavar="FILE",
        help="a new file (default: report.html in the folder; tables are printed)",
    )  # fmt: skip
    return run_main(_report, parser.parse_args(arguments))


def _report(options: argparse.Namespace) -> int:
    from tau3mu.report.export import check_free, export_result
    from tau3mu.results.manifest import manifest_in, results_in

    if not options.latex and not options.markdown:
        folder = results_in(options.folder)
        manifest_in(folder)  # so that nothing is written into another folder
        file = options.output or folder / "report.html"
        export_result(options.folder, file)
        sys.stdout.write(f"{file}\n")
        return 0
    from tau3mu.report.formats import LATEX, MARKDOWN
    from tau3mu.report.written import left_out, written_tables
    from tau3mu.storage.files import make_folder, write_text

    if options.output is not None:
        check_free(options.output)
    text = written_tables(options.folder, LATEX if options.latex else MARKDOWN)
    for one in left_out(options.folder):
        print_warning(one)
    if options.output is None:
        sys.stdout.write(text)
    else:
        make_folder(options.output.parent)
        write_text(options.output, text)
        sys.stdout.write(f"{options.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
