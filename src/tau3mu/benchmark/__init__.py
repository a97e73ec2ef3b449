"""Scaling studies, compared in tables and plots by `python -m tau3mu.benchmark`.

The studies themselves are in `benchmarks/` of the repository and are made by pytest.
"""

from __future__ import annotations
