"""`--list`: what there is to run, to fit and to read."""

from __future__ import annotations

import json
from dataclasses import astuple
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_jsonable_python

from tau3mu.console.terminal import PlainConsole, plain
from tau3mu.datasets import shipped_datasets
from tau3mu.errors import InputError
from tau3mu.fit import shipped_fits
from tau3mu.processing.catalogue import installed_processors, load_processor
from tau3mu.processing.parameters import Axis, declared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.processing import Processor
    from tau3mu.processing.parameters import Parameter

__all__ = ["list_all"]

_LONGEST: Final = 36  # of the letters of a default


def list_all(processors: Sequence[str] = ()) -> int:
    """Prints the installed processors with their parameters, the fits and the datasets.

    Args:
        processors: Further ones, as `path/to/file.py:Class`.
    """
    console = PlainConsole(soft_wrap=True, highlight=False)
    loaded: dict[str, Processor] = {}
    console.print("Processors:")
    for name in dict.fromkeys([*installed_processors(), *processors]):
        try:
            loaded[name] = load_processor(name)
        except InputError as error:  # of one package; the others can be used
            console.print(f"  {name}: {error}")
            continue
        summary = (type(loaded[name]).__doc__ or "").strip().partition("\n")[0]
        console.print(f"  {name}: {summary}")
    parameters: dict[str, str] = {}
    columns: dict[str, str] = {}
    for name, processor in loaded.items():
        console.print(f"\nParameters of {name} (--set {processor.name}.KEY=VALUE):")
        lines = _lines(declared(type(processor)))
        console.print(_once(name, lines, parameters))
        console.print(f"Columns of {name}:")
        lines = _wrapped(", ".join(sorted(processor.columns)), console.width)
        console.print(_once(name, lines, columns))
    console.print("\nFits:", ", ".join(shipped_fits()))
    console.print("Datasets:", ", ".join(shipped_datasets()))
    return 0


def _once(name: str, lines: str, shown: dict[str, str]) -> str:
    """Returns lines, or of which processor they have been shown already."""
    first = shown.setdefault(lines, name)
    return lines if first == name else f"  those of {first}"


def _lines(parameters: dict[str, Parameter]) -> str:
    """Returns a line per parameter: key, default with its unit, and meaning."""
    if not parameters:
        return "  none"
    cells = [(name, _default(one), one.help) for name, one in parameters.items()]
    keys = max(len(name) for name, _, _ in cells)
    return "\n".join(f"  {name:{keys}}  {default}  ({text})" for name, default, text in cells)


def _default(parameter: Parameter) -> str:
    value: Any = parameter.default
    if isinstance(value, Axis):
        bins, start, stop, label = astuple(value)
        return f"{bins} bins, {start:g} to {stop:g}, {label}"
    text = json.dumps(to_jsonable_python(value), ensure_ascii=False)
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return f"{text} {parameter.unit}".rstrip()


def _wrapped(text: str, width: int) -> str:
    """Returns a text in lines that a terminal can show, indented."""
    return fill(plain(text).plain, width, initial_indent="  ", subsequent_indent="  ")
