"""The page of a results folder, the list of all below the root, and files to mail."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from tau3mu.errors import InputError
from tau3mu.report.result import result_view
from tau3mu.report.tables import result_tables
from tau3mu.results.manifest import results_in
from tau3mu.storage.names import RUN, SECTIONS
from tau3mu.web.known import Root, known_results, name_of, results_folder, side_folder
from tau3mu.web.rendering import page
from tau3mu.web.waiting import light
from tau3mu.web.worker import worker

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["exported_comparison", "exported_result", "routes"]

_NO_RUN: Final = "results.no-run"


def results(request: Request) -> Response:
    """Returns the list of all results below the root."""
    return page(request, "web/results.html", known=known_results(request.app.state.site.root))


def result(request: Request) -> Response:
    """Returns the page of a results folder; the list where the root is not one."""
    root: Root = request.app.state.site.root
    given = request.query_params.get("folder", "")
    if not given and not (isinstance(root, Path) and (results_in(root) / RUN).is_file()):
        return results(request)
    folder = results_folder(request, given)
    try:
        view = light(request, "The page", _size(folder), result_view, folder)
    except InputError as error:
        if error.code != _NO_RUN:
            raise
        message = str(error)
        raise InputError(message, code="web.not-found", path=error.path) from error
    return page(
        request,
        "web/result.html",
        folder=name_of(root, folder),
        view=view,
        tables=result_tables(view),
        state=_states(folder, view),
    )


def _size(folder: Path) -> int:
    """Returns how much of a results folder its page reads, beside the manifest."""
    found = (path for path in folder.glob("*/*.json") if path.parent.name != SECTIONS)
    return sum(path.stat().st_size for path in found)


def _states(folder: Path, view: dict[str, Any]) -> dict[str, str]:
    """Returns the state of the files of each processor, by which browsers keep pictures."""
    found = {}
    for one in view["processors"]:
        for name in ("histograms.json", "cutflow.json"):
            try:
                state = (folder / one["name"] / name).stat()
            except OSError:
                continue
            found[f"{one['name']}/{name}"] = str(state.st_mtime_ns)
    return found


def export(request: Request) -> Response:
    """Returns a result or a comparison as one file to mail."""
    query = request.query_params
    run = worker(request).run
    if query.get("a") or query.get("b"):
        sides = [side_folder(request, query.get(side, "")) for side in "ab"]
        return _download(run(exported_comparison, *sides), "comparison.html")
    folder = results_folder(request, query.get("folder", ""))
    return _download(run(exported_result, folder), "result.html")


def _download(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/html", headers=headers)


def exported_result(folder: Path) -> bytes:
    """Returns what `export_result` writes; the worker runs this.

    Args:
        folder: The results folder.
    """
    from tau3mu.report.export import export_result

    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "result.html"
        export_result(folder, file)
        return file.read_bytes()


def exported_comparison(a: Path, b: Path) -> bytes:
    """Returns what `export_comparison` writes; the worker runs this.

    Args:
        a: A results folder.
        b: The other one.
    """
    from tau3mu.compare import compare
    from tau3mu.report.export import export_comparison

    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "comparison.html"
        export_comparison(compare(a, b), file)
        return file.read_bytes()


routes: Final = [
    Route("/results", results),
    Route("/result", result),
    Route("/export", export),
]
