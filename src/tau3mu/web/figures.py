"""Pictures of results, which the worker draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from tau3mu.errors import InputError
from tau3mu.web.drawing import cutflow_png, histogram_png, overlay_png
from tau3mu.web.histogram import png
from tau3mu.web.known import file_of, results_folder
from tau3mu.web.worker import worker

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.web.ratios import Lower

__all__ = ["routes"]


def figure(request: Request) -> Response:
    """Returns the picture of a cutflow, of a histogram, or of a histogram of two results."""
    query = request.query_params
    kind, processor, name = (query.get(key, "") for key in ("kind", "processor", "name"))
    run = worker(request).run
    if kind == "overlay":
        a, b = (results_folder(request, query.get(side, "")) for side in "ab")
        left, _, right = processor.partition("/")
        file_of(request, a, left, "histograms.json")
        file_of(request, b, right or left, "histograms.json")
        lower: Lower = "ratio" if query.get("lower") == "ratio" else "pull"
        return png(request, run(overlay_png, a, b, processor, name, lower))
    folder = results_folder(request, query.get("folder", ""))
    if kind == "cutflow":
        file_of(request, folder, processor, "cutflow.json")
        return png(request, run(cutflow_png, folder, processor))
    if kind == "histogram":
        file_of(request, folder, processor, "histograms.json")
        return png(request, run(histogram_png, folder, processor, name))
    message = f"there is no picture of the kind {kind!r}"
    raise InputError(message, code="web.not-found", path=kind)


routes: Final = [Route("/figure", figure)]
