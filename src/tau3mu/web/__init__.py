"""A small local web application that shows what a folder holds: results and comparisons.

Starlette answers; whatever needs the libraries of the analysis runs in a worker, a process beside
the server. Nothing else of the package imports this one, which needs the extra `web`.
"""

from __future__ import annotations
