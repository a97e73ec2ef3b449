"""The pages of results that every site has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.web import candidates, comparing, figures, histogram, results

if TYPE_CHECKING:
    from starlette.routing import Route

__all__ = ["routes"]

routes: Final[list[Route]] = [
    *results.routes,
    *histogram.routes,
    *candidates.routes,
    *comparing.routes,
    *figures.routes,
]
