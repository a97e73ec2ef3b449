"""The page of the candidates of a processor, and its rows as CSV."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from tau3mu.errors import InputError
from tau3mu.web.known import file_of, name_of, results_folder
from tau3mu.web.rendering import page
from tau3mu.web.waiting import soon
from tau3mu.web.worker import worker

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

__all__ = ["routes", "rows_of_page"]

_ROWS: Final = 100
_DIGITS: Final = 12
_FILES: Final = ("candidates.root", "candidates.parquet")


def candidates(request: Request) -> Response:
    """Returns a page of candidates, sorted by a column or as they are in the file."""
    query = request.query_params
    file = _file(request)
    number, sort, descending = _asked(request)
    found = soon(
        request, "The table of candidates", rows_of_page, file, number, sort, descending=descending
    )  # fmt: skip
    root = request.app.state.site.root
    return page(
        request,
        "web/candidates.html",
        folder=name_of(root, file.parent.parent),
        processor=query.get("processor", ""),
        file=name_of(root, file),
        number=number,
        sort=sort,
        descending=descending,
        wait=query.get("wait", ""),
        found=found,
    )


def candidates_csv(request: Request) -> Response:
    """Returns the same rows as CSV, with all digits."""
    number, sort, descending = _asked(request)
    file = _file(request)
    found = worker(request).run(rows_of_page, file, number, sort, descending=descending)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column["name"] for column in found["columns"]])
    writer.writerows(found["rows"])
    name = f"candidates-{number}.csv"
    return Response(
        text.getvalue(),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def rows_of_page(file: Path, number: int, sort: str, *, descending: bool) -> dict[str, Any]:
    """Returns what `candidates_page` returns; the worker runs this, since it needs numpy.

    Args:
        file: Of the candidates.
        number: Of the page.
        sort: As for `candidates_page`.
        descending: Likewise.
    """
    from tau3mu.web.candidate_rows import candidates_page

    return candidates_page(file, number, _ROWS, sort, descending=descending)


def _file(request: Request) -> Path:
    query = request.query_params
    processor = query.get("processor", "")
    folder = results_folder(request, query.get("folder", ""))
    for name in _FILES:
        if (folder / processor / name).is_file():
            return file_of(request, folder, processor, name)
    message = f"{folder.name} has no candidates of a processor {processor!r}"
    raise InputError(message, code="web.not-found", path=processor)


def _asked(request: Request) -> tuple[int, str, bool]:
    """Returns the number of the page, the column to sort by, and whether the largest is first."""
    query = request.query_params
    text: Any = query.get("page") or "1"
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        message = f"there is no page {text!r}: pages have numbers of at most {_DIGITS} digits"
        raise InputError(message, code="web.unknown-page", path=text)
    return int(text), query.get("sort", ""), query.get("order") == "desc"


routes: Final = [
    Route("/candidates", candidates),
    Route("/candidates.csv", candidates_csv),
]
