"""The command line of `python -m tau3mu.run`, made of the declared settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from tau3mu import __version__
from tau3mu.console.cli import Parser, path_of, text_of
from tau3mu.run.settings import OUT, Settings, option_of

__all__ = ["argument", "parser", "whole_number"]

_DIGITS = 12

_DESCRIPTION = """\
Selects candidates in ntuples, fills histograms, fits the mass, and writes a results folder.

Without arguments it runs the control channel D_s→φ(μμ)π on the demo ntuples that ship with it."""

_EPILOG = """\
examples:
  python -m tau3mu.run
      the demo, in this process
  python -m tau3mu.run --executor dask --workers 4 'skims/Tree_PhiPi_*.root'
      your own files on a local Dask cluster
  python -m tau3mu.run --dataset dsphipi_2017 --prefix root://server//store/skims \\
      --executor dask --scheduler tls://host:8786 --output results/2017
      a shipped dataset on a cluster that runs already
  python -m tau3mu.run --processor dsphipi --processor my/analysis.py:Mine
      two analyses in one pass over the data
  python -m tau3mu.run --variant tight:flight_significance=3 --variant loose:flight_significance=1
      three values of a cut in one pass
  python -m tau3mu.run --resume results/2017
      goes on with the run that was started with --output results/2017

when something fails:
  What may pass is tried again. A chunk is finished once: after five seconds the run keeps a
  checkpoint of each, and --resume DIR alone goes on from there with the options that the folder
  recorded, after Ctrl-C, a crash, or when a file has been repaired. What has changed since (cuts,
  configuration, corrections, files) is done again. A file that cannot be read in full is skipped
  as a whole, never in part: without --skip-bad-files there are no results then.

exit codes:
  0  all events were read (or no more are missing than allowed) and every fit is valid
  1  wrong usage, bad input (nothing was written), a failed run, or an invalid fit
  2  events are missing; their files are named, with the reasons"""


def parser() -> Parser:
    """Returns the parser of the command line; what is not given is None, False or empty."""
    made = Parser("python -m tau3mu.run", _DESCRIPTION, epilog=_EPILOG)
    groups: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        option = option_of(name)
        if option.group not in groups:
            groups[option.group] = made.add_argument_group(option.group)
        flags, how = argument(name, field.annotation)
        groups[option.group].add_argument(*flags, help=option.help, **how)
    groups[OUT].add_argument(
        "--list",
        action="store_true",
        help="list processors and their parameters, fits and datasets",
    )
    made.add_argument("--version", action="version", version=f"tau3mu {__version__}")
    return made


def argument(name: str, annotation: Any) -> tuple[list[str], dict[str, Any]]:
    """Returns the names of an argument, and how argparse reads its value.

    Args:
        name: Of a setting.
        annotation: Its type.
    """
    option, kind = option_of(name), _plain(annotation)
    how: dict[str, Any] = {"metavar": option.metavar} if option.metavar else {}
    if option.metavar == name.upper():
        return [name], how | {"nargs": "*", "type": text_of}
    flags = [option.flag or f"--{name.replace('_', '-')}"]
    how["dest"] = name
    if kind is bool:
        return flags, {"dest": name, "action": "store_true"}
    if get_origin(kind) is Literal:
        return flags, how | {"choices": get_args(kind)}
    if get_origin(kind) is list:
        return flags, how | {"action": "append", "default": [], "type": text_of}
    least = 0 if name == "retries" else 1
    types = {
        int: lambda text: whole_number(text, least),
        float: _fraction,
        Path: path_of,
        str: text_of,
    }
    return flags, how | {"type": types[kind]}


def _plain(annotation: Any) -> Any:
    """Returns a type without its limits, and without None as its alternative."""
    while get_origin(annotation) is Annotated or NoneType in get_args(annotation):
        annotation = get_args(annotation)[0]
    return annotation


def whole_number(text: str, least: int) -> int:
    """Returns the whole number that a text of the command line is.

    Args:
        text: Of decimal digits.
        least: The smallest number that is accepted.

    Raises:
        ArgumentTypeError: It is not one.
    """
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else -1
    if number < least:
        shown = repr(text) if len(text) <= 2 * _DIGITS else f"{text[:_DIGITS]!r}..."
        message = f"expected a whole number of at least {least}, below 1e{_DIGITS}, not {shown}"
        raise argparse.ArgumentTypeError(message)
    return number


def _fraction(text: str) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction < 1:
        message = f"expected a fraction from 0 to below 1, such as 0.01, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return fraction
