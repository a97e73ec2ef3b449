"""`python -m tau3mu.plot FOLDER [NAME ...]`: draws the pictures of a results folder again."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tau3mu.console.cli import Parser, path_of, run_main, text_of
from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from tau3mu.results import Manifest

__all__ = ["main"]

_FORMATS: Final = ("png", "pdf", "svg")
_STYLES: Final = ("CMS", "ALICE", "plain")
_DPI: Final = 150
_CUTFLOW: Final = "cutflow"
_STABILITY: Final = "stability"
_OWN: Final = (_CUTFLOW, _STABILITY)

_EPILOG: Final = """\
examples:
  python -m tau3mu.plot results/2017
      all pictures, as a run draws them
  python -m tau3mu.plot results/2017 mass cutflow --label Preliminary --format pdf,png
      two of them, for a talk
  python -m tau3mu.plot results/2017 tight/pt --log --output plots
      a histogram of one processor, into another folder

The pictures take the places of those that the run has drawn, PROCESSOR/plots/NAME.png, or stand in
DIR/PROCESSOR. With --style plain they have no name of an experiment."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words of the command line; those of the process by default.
    """
    parser = Parser(
        "python -m tau3mu.plot",
        "Draws histograms and cutflows of a results folder.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "folder", type=path_of, metavar="FOLDER", help="a results folder, or that of a train"
    )
    parser.add_argument(
        "names", type=text_of, nargs="*", metavar="NAME",
        help="histograms, cutflow or stability; PROCESSOR/NAME for one processor (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--style", choices=_STYLES, default="CMS",
        help="the looks, and the experiment that is named (default: CMS)",
    )  # fmt: skip
    parser.add_argument(
        "--label", metavar="TEXT", help="beside the name of the experiment (default: Private work)"
    )
    parser.add_argument(
        "--log", action=argparse.BooleanOptionalAction,
        help="a logarithmic scale, or none (default: where most bins would hardly be seen)",
    )  # fmt: skip
    parser.add_argument(
        "--ratio", action=argparse.BooleanOptionalAction,
        help="a ratio below, data / simulation or datasets to the first, or none "
        "(default: where there are data and simulation)",
    )  # fmt: skip
    parser.add_argument(
        "--format", type=_formats, default=("png",), metavar="FORMAT,...",
        help=f"of {', '.join(_FORMATS)} (default: png)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_of, metavar="DIR", help="another folder for the pictures"
    )
    return run_main(_plot, parser.parse_args(arguments))


def _formats(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(text.split(",")))
    if wrong := [one for one in found if one not in _FORMATS]:
        message = f"expected some of {', '.join(_FORMATS)}, with commas between, not {wrong[0]!r}"
        raise argparse.ArgumentTypeError(message)
    return found


def _plot(options: argparse.Namespace) -> int:
    from tau3mu.plotting.drawing import save
    from tau3mu.plotting.pictures import PLOTS, picture_name
    from tau3mu.results.manifest import manifest_in, results_in

    folder = results_in(options.folder)
    for processor, name in list(_chosen(folder, manifest_in(folder), options.names)):
        own = name if name in _OWN else picture_name(name.removeprefix("/"))
        place = folder / processor / PLOTS
        if options.output is not None:
            place = options.output / processor
        figure = _figure(folder, processor, name, options)
        for form in options.format:
            save(figure, place / f"{own}.{form}", dpi=_DPI)
            sys.stdout.write(f"{place / own}.{form}\n")
    return 0


def _figure(folder: Path, processor: str, name: str, options: argparse.Namespace) -> Figure:
    from tau3mu.plotting import cutflow_figure, heading_of, histogram_figure, stability_figure
    from tau3mu.results.places import processor_in

    _, manifest = processor_in(folder, processor)
    changes: dict[str, Any] = {"style": options.style}
    if options.style != "CMS":
        changes["experiment"] = options.style if options.style == "ALICE" else ""
    if options.label is not None:
        changes["status"] = options.label
    heading = replace(heading_of(manifest.datasets), **changes)
    if name == _CUTFLOW:
        return cutflow_figure(folder, processor, heading=heading)
    if name == _STABILITY:
        return stability_figure(folder, processor, heading=heading)
    return histogram_figure(
        folder, processor, name.removeprefix("/"), heading=heading,
        log=options.log, ratio=options.ratio,
    )  # fmt: skip


def _chosen(folder: Path, manifest: Manifest, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields processors, each with the name of a picture; that of a histogram begins with a slash.

    No other can be taken for it: a histogram may be called cutflow.
    """
    from tau3mu.outputs.histograms import load_histograms, variable_axes

    known: dict[str, list[str]] = {}
    for processor in manifest.configuration.get("processors", {}):
        if (folder / processor / "histograms.json").is_file():
            found = load_histograms(folder / processor)
            drawn = [name for name, one in found.items() if len(variable_axes(one)) in (1, 2)]
            known[processor] = [
                _CUTFLOW,
                *([_STABILITY] if _has_stability(folder / processor) else []),
                *(f"/{name}" for name in drawn),
            ]
    if not known:
        message = f"{folder} has no histograms: the run has no results"
        raise InputError(message, code="plot.no-results", path=folder)
    if not names:
        yield from ((processor, one) for processor, own in known.items() for one in own)
    for text in names:
        places = [
            (processor, one)
            for processor, own in known.items()
            for one in own
            if text in {one.removeprefix("/"), f"{processor}/{one.removeprefix('/')}"}
        ]
        if not places:
            there = dict.fromkeys(one.removeprefix("/") for own in known.values() for one in own)
            message = (
                f"{folder} has no histogram {text!r} of one or two variables"
                f"{suggest(text, there)}; it has {', '.join(there)}"
            )
            raise InputError(message, code="plot.unknown-name", path=text)
        yield from places


def _has_stability(place: Path) -> bool:
    from tau3mu.config.documents import read_document
    from tau3mu.plotting.stability import has_stability
    from tau3mu.storage.names import YIELDS

    path = place / YIELDS
    return path.is_file() and has_stability(
        read_document(path, "yields", language="results").content
    )


if __name__ == "__main__":
    sys.exit(main())
