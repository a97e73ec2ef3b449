"""Scaling studies: measuring runs of programs, the numbers as JSON, tables and plots.

The studies themselves are in `benchmarks/` of the repository and are run by pytest; here is what
they are made of, and `python -m tau3mu.benchmark` looks at the results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.benchmark.comparison import compare
    from tau3mu.benchmark.inputs import describe, sample_of
    from tau3mu.benchmark.process import measure
    from tau3mu.benchmark.records import (
        Found,
        Point,
        Row,
        Run,
        Sample,
        Setup,
        Study,
        load_study,
        save_study,
    )
    from tau3mu.benchmark.runs import run_analysis, run_command_line, run_program

_NAMES = {
    "comparison": ["compare"],
    "inputs": ["describe", "sample_of"],
    "process": ["measure"],
    "records": [
        "Found", "Point", "Row", "Run", "Sample", "Setup", "Study", "load_study", "save_study",
    ],
    "runs": ["run_analysis", "run_command_line", "run_program"],
}  # fmt: skip

__all__ = [
    "Found",
    "Point",
    "Row",
    "Run",
    "Sample",
    "Setup",
    "Study",
    "compare",
    "describe",
    "load_study",
    "measure",
    "run_analysis",
    "run_command_line",
    "run_program",
    "sample_of",
    "save_study",
]

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs=_NAMES)
