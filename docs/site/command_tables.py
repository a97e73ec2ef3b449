"""The options of all command lines as tables in `docs/reference/command-line.md`.

Run `python docs/site/command_tables.py` after a change of an option; a test compares.
"""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest import mock

from tau3mu.config.key_tables import cell, with_tables
from tau3mu.console.cli import Parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["PAGE", "page_with_tables", "parsers"]

PAGE: Final = Path(__file__).parents[1] / "reference" / "command-line.md"
_DEFAULT: Final = re.compile(r"\s*\(default:? ([^()]+)\)$")
_EXPLAINED: Final = {
    "FILES": "../how-to/datasets.md",
    "--dataset": "../how-to/datasets.md",
    "--layout": "../how-to/new-layout.md",
    "--certification": "../how-to/datasets.md#certified-data",
    "--brilcalc": "../how-to/luminosity.md#certified-luminosity",
    "--no-cache": "dataset-files.md#what-is-remembered-of-files",
    "--proxy": "../how-to/proxy.md",
    "--processor": "../how-to/own-processor.md",
    "--set": "../how-to/cuts.md",
    "--variant": "../how-to/cuts.md",
    "--n-minus-one": "../how-to/cuts.md",
    "--fit": "../how-to/own-fit.md",
    "--per-run": "../how-to/datasets.md#results-by-run-number",
    "--executor": "../how-to/dask.md",
    "--cluster": "../how-to/clusters.md",
    "--site": "../how-to/clusters.md",
    "--resume": "../how-to/resume.md",
    "--output": "results.md",
    "--no-plots": "../how-to/pictures.md",
    "--skim": "../how-to/derived-data.md",
    "--dashboard": "../how-to/clusters.md#watch-the-cluster",
    "--performance-report": "../how-to/dask.md",
}
"""Where options of a run are explained; the others say all in their line."""
_GUIDES: Final = {
    "run": ("the tutorial", "../tutorial.md"),
    "fit": ("how to write a fit", "../how-to/own-fit.md"),
    "fit toys": ("the tutorial on fits", "../tutorial-fits.md"),
    "fit trials": ("how to vary a fit", "../how-to/systematics.md"),
    "train": ("how to run a train", "../how-to/trains.md"),
    "train test": ("how to test wagons", "../how-to/test-wagons.md"),
    "train datasets": ("how to keep datasets, tests and trains", "../how-to/store.md"),
    "train compare": ("how to compare two results", "../how-to/compare.md"),
    "train reproduce": ("how to reproduce results", "../how-to/reproduce.md"),
    "train serve": ("how to look at trains and results in a browser", "../how-to/page.md"),
    "search": ("the tutorial on the search", "../tutorial-search.md"),
    "show": ("how to look at trains and results in a browser", "../how-to/page.md"),
    "plot": ("how to draw", "../how-to/pictures.md"),
    "report": ("how to report a result", "../how-to/report.md"),
    "layout": ("how to add a layout", "../how-to/new-layout.md"),
    "generate": ("how to generate ntuples", "../how-to/generate.md"),
    "benchmark": ("how to benchmark", "../how-to/benchmark.md"),
}
"""The guides to programs."""


class _Found(Exception):  # noqa: N818
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Returns the parser of each program and command, by what is typed after `tau3mu`."""
    programs = importlib.import_module("tau3mu.__main__")
    found: dict[str, argparse.ArgumentParser] = {}
    for program in programs._PROGRAMS:
        main = "" if program in programs._MODULES else ".__main__"
        module = importlib.import_module(f"tau3mu.{program}{main}")
        found[program] = _parser_of(module.main, [])
        for command in getattr(module, "_COMMANDS", ()):
            found[f"{program} {command}"] = _parser_of(module.main, [command])
    return {name: parser for whole in found.items() for name, parser in _with_commands(*whole)}


def page_with_tables(page: str) -> str:
    """Returns the reference page with new tables.

    Args:
        page: The text in Markdown.
    """
    sections = [_section(name, parser) for name, parser in parsers().items()]
    return with_tables(page, {"programs": "\n\n".join(sections)})


def _parser_of(main: Callable[[list[str]], int], words: list[str]) -> argparse.ArgumentParser:
    """Returns the parser with which a program would read its options."""

    def stop(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _Found(parser)

    with mock.patch.object(Parser, "parse_args", stop):
        try:
            main(words)
        except _Found as found:
            return found.parser
    message = f"{main.__module__} parses no options"
    raise AssertionError(message)


def _with_commands(
    name: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, inner in action.choices.items():
                yield from _with_commands(f"{name} {command}", inner)


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    level = "##" if " " not in name else "###"
    parts = [f"{level} `python -m tau3mu.{name}`"]
    parts += [_text(parser.description)] if parser.description else []
    parts += [f"See [{_GUIDES[name][0]}]({_GUIDES[name][1]})."] if name in _GUIDES else []
    links = _EXPLAINED if name == "run" else {}
    if rows := [row for action in parser._actions if (row := _row(parser, action, links))]:
        parts.append("\n".join(["| Option | Meaning | Default |", "|---|---|---|", *rows]))
    parts += [f"```text\n{parser.epilog.strip()}\n```"] if parser.epilog else []
    return "\n\n".join(parts)


def _text(description: str) -> str:
    """Returns a description as it is, with lists and commands as blocks."""
    blocks = [block.strip("\n") for block in description.split("\n\n")]
    listed = [re.search(r"^ ", block, re.MULTILINE) for block in blocks]
    pairs = zip(blocks, listed, strict=True)
    return "\n\n".join(f"```text\n{block}\n```" if is_list else block for block, is_list in pairs)


def _row(parser: argparse.ArgumentParser, action: argparse.Action, links: Mapping[str, str]) -> str:
    if action.help in {None, argparse.SUPPRESS} or isinstance(
        action, argparse._HelpAction | argparse._VersionAction | argparse._SubParsersAction
    ):
        return ""
    text = parser._get_formatter()._expand_help(action)
    default = _DEFAULT.search(text)
    option = action.option_strings[-1] if action.option_strings else str(action.metavar)
    if isinstance(action, argparse.BooleanOptionalAction):
        option = ", ".join(action.option_strings)
    value = "" if action.nargs == 0 or not action.option_strings else f" {_value(action)}"
    shown = f"`{option}{value}`".replace("|", r"\|")
    if option in links:
        shown = f"[{shown}]({links[option]})"
    meaning = text[: default.start()] if default else text
    usual = cell(default[1]) if default else "*required*" if action.required else ""
    return f"| {shown} | {cell(meaning)} | {usual} |"


def _value(action: argparse.Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "|".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper())


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text("utf-8")), "utf-8")
