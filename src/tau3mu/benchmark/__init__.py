"""Scaling studies: runs of programs are measured, and compared in tables and plots.

The studies themselves are in `benchmarks/` of the repository and are run by pytest; this package
has their parts, and `python -m tau3mu.benchmark` shows and compares the results.
"""

from __future__ import annotations
