"""The first page: train files with the grids of their tests, and what can be started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tau3mu.train.page.grid import grid_of, other_wagons
from tau3mu.train.page.jobs import jobs
from tau3mu.train.page.shown import shown
from tau3mu.train.page.train_files import check_of, known_file, train_files
from tau3mu.web.rendering import fragment, page

if TYPE_CHECKING:
    from starlette.requests import Request

    from tau3mu.train.page.grid import Grid
    from tau3mu.train.page.train_files import TrainFile

__all__ = ["files_of", "routes"]

_JOBS: Final = 5


def files_of(request: Request) -> list[TrainFile]:
    """Returns the train files of the page, as they are now.

    Args:
        request: What was asked.
    """
    return train_files(shown(request).train_files, Path.cwd())


def _analyses(request: Request) -> Response:
    store = shown(request).store
    sections = [_section(request, file, wait=False) for file in files_of(request)]
    known = [name for one in sections for name in _names(one["file"], one["grid"])]
    return page(
        request,
        "page/analyses.html",
        sections=sections,
        others=other_wagons(store, known),
        jobs=jobs(store)[:_JOBS],
        store=store,
    )


def _analysis(request: Request) -> Response:
    """Returns one train file after its check, also as a part of the first page."""
    file = known_file(files_of(request), request.query_params.get("file", ""))
    section = _section(request, file, wait=True)
    if "HX-Request" in request.headers:
        return HTMLResponse(fragment(request, "page/analysis_part.html", section=section))
    return page(request, "page/analysis.html", section=section)


def _section(request: Request, file: TrainFile, *, wait: bool) -> dict[str, Any]:
    store = shown(request).store
    check = None if file.problems else check_of(store, file, wait=wait)
    grid = grid_of(store, file, check)
    problems = file.problems or (check.problems if check else ())
    code = file.code or (check.code if check else "")
    return {
        "file": file,
        "check": check,
        "grid": grid,
        "problems": problems,
        "code": code,
        "can_start": not problems,
    }


def _names(file: TrainFile, grid: Grid) -> list[str]:
    train = [grid.train.name] if grid.train else [file.name]
    return [*(one.name for one in grid.wagons), *file.wagons, *train]


routes: Final = [
    Route("/", _analyses),
    Route("/analysis", _analysis),  # as deep as the first page, whose part it is
]
