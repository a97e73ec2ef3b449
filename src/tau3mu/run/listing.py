"""`--list`: what there is to run, to fit and to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic_core import to_jsonable_python

from tau3mu.console.terminal import PlainConsole, PlainTable
from tau3mu.datasets import shipped_datasets
from tau3mu.errors import InputError
from tau3mu.fit import shipped_fits
from tau3mu.processing.catalogue import GROUP, installed_processors, load_processor
from tau3mu.processing.parameters import declared

if TYPE_CHECKING:
    from tau3mu.processing import Processor

__all__ = ["list_all"]


def list_all() -> int:
    """Prints the installed processors with their parameters, the fits and the datasets."""
    console = PlainConsole()
    console.print(f"Processors (entry points {GROUP}):", highlight=False)
    for name, point in installed_processors().items():
        try:
            processor = load_processor(name)
        except InputError as error:  # of one package; the others can be used
            console.print(f"{name} ({point.value}): {error}", highlight=False)
            continue
        cls = type(processor)
        summary = (cls.__doc__ or "").strip().partition("\n")[0]
        console.print(f"\n{name} ({point.value}): {summary}", highlight=False, soft_wrap=True)
        if declared(cls):
            console.print(_table(cls))
        console.print("reads", ", ".join(sorted(processor.columns)), highlight=False)
    console.print("\nFits:", ", ".join(shipped_fits()))
    console.print("Datasets:", ", ".join(shipped_datasets()))
    return 0


def _table(cls: type[Processor]) -> PlainTable:
    table = PlainTable()
    for column in ("Parameter", "Default", "Unit", "Meaning"):
        table.add_column(column, overflow="fold", no_wrap=column == "Unit")
    for name, one in declared(cls).items():
        default = json.dumps(to_jsonable_python(one.default), ensure_ascii=False)
        table.add_row(name, default, one.unit, one.help)
    return table
