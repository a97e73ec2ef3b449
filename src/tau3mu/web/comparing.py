"""The page of two results beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from tau3mu.errors import InputError, Tau3muError
from tau3mu.web.known import Root, known_results, name_of, results_folder, side_folder
from tau3mu.web.rendering import page
from tau3mu.web.waiting import soon

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["compared", "routes"]

_MOST_FIGURES: Final = 12


def compare(request: Request) -> Response:
    """Returns the form that asks for two results, and what differs between them."""
    query = request.query_params
    a, b = query.get("a", "").strip(), query.get("b", "").strip()
    if not (a and b):
        return _form(request, a, b)
    sides = [side_folder(request, text) for text in (a, b)]
    folders = [results_folder(request, text) for text in (a, b)]
    try:
        view = soon(request, "The comparison", compared, *sides)
    except Tau3muError as error:
        return _form(request, a, b, error)
    root: Root = request.app.state.site.root
    names = [name_of(root, folder) for folder in folders]
    both = [one for one in view["histograms"] if not one["only"]]
    return page(
        request,
        "web/compare.html",
        a=a,
        b=b,
        view=view,
        names=names,
        both=both,
        figures=[one for one in both if not one["same"]][:_MOST_FIGURES],
    )


def compared(a: Path, b: Path) -> dict[str, Any]:
    """Returns what differs between two results, as plain values; the worker runs this.

    Args:
        a: A results folder, that of a train, or of one processor.
        b: The other one.

    Raises:
        InputError: They cannot be compared, or files of them are damaged.
    """
    from tau3mu.compare import compare
    from tau3mu.report.comparison import comparison_view

    try:
        return comparison_view(compare(a, b))
    except (LookupError, TypeError, AttributeError) as error:
        message = f"a file of {a} or {b} is damaged: {error}"
        raise InputError(message, code="web.damaged", path=a) from error


def _form(request: Request, a: str, b: str, error: Tau3muError | None = None) -> Response:
    known = known_results(request.app.state.site.root)
    return page(
        request,
        "web/compare_form.html",
        400 if error else 200,
        a=a,
        b=b,
        known=[name or "." for name in known],
        message=str(error) if error else "",
        code=error.code if error else "",
    )


routes: Final = [Route("/compare", compare)]
