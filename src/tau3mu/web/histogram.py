"""The page of a histogram: of one result, or of two over each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.responses import Response
from starlette.routing import Route

from tau3mu.errors import InputError, suggest
from tau3mu.outputs.names import NOMINAL
from tau3mu.report.histograms import histogram_views
from tau3mu.web.blinding import is_blinded
from tau3mu.web.drawing import Chosen, chosen_png
from tau3mu.web.known import file_of, name_of, results_folder
from tau3mu.web.rendering import page
from tau3mu.web.waiting import light
from tau3mu.web.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from tau3mu.web.ratios import Lower

__all__ = ["one_view", "png", "routes"]

_FIRST: Final = 6
"""So many parts are drawn before any is chosen."""

_DRAWN: Final = 2
"""The variables of histograms that are drawn."""

_LOWER: Final = {"ratio": "Ratio", "pull": "Difference in σ"}


@dataclass(frozen=True)
class _Side:
    """A histogram of a results folder.

    Attributes:
        letter: A or B if there are two, else "".
        folder: The results folder.
        name: That of it in addresses.
        processor: The processor.
        view: As `histogram_views` gives it.
    """

    letter: str
    folder: Path
    name: str
    processor: str
    view: dict[str, Any]


def histogram(request: Request) -> Response:
    """Returns the page: a plot, the choice of what is drawn, and the entries of all parts."""
    sides = _sides(request)
    parts, chosen = _choice(request, sides)
    query = request.query_params
    first = sides[0].view
    axes = first["axes"]
    same = all(one.view["axes"] == axes for one in sides)
    names = [axis["name"] for axis in axes]
    blind = any(is_blinded(one.folder / one.processor, first["name"], names) for one in sides)
    data = {
        "parts": parts,
        "dimensions": len(axes),
        "x": _label(axes[0]) if axes else "",
        "y": _label(axes[1]) if len(axes) == _DRAWN else first["label"] or "Candidates",
        "title": first["name"],
        "lower": _LOWER,
    }
    return page(
        request,
        "web/histogram.html",
        sides=sides,
        name=first["name"],
        axes=axes,
        same_axes=same,
        parts=parts,
        chosen=chosen,
        data=data,
        paths=[_file(request, side) for side in sides],
        blind=blind,
        # The browser draws from the file of the run, which has all bins.
        interactive=not blind
        and len(axes) in {1, 2}
        and any(part["path"] is not None for part in parts),
        drawn=len(axes) in {1, _DRAWN},
        lower=_lower(request, sides),
        lowers=_LOWER,
        log=bool(query.get("log")),
        unit=bool(query.get("unit")),
        figure=_figure_query(request, sides, chosen),
    )


def chosen_figure(request: Request) -> Response:
    """Returns the picture of what is chosen."""
    sides = _sides(request)
    parts, ids = _choice(request, sides)
    drawn = [part for part in parts if part["id"] in ids]
    if not drawn:
        message = "nothing is chosen: choose a dataset"
        raise InputError(message, code="web.nothing-chosen", path="part")
    partners = dict(_pairs(drawn, two=len(sides) > 1))
    chosen = tuple(
        Chosen(part["side"], part["dataset"], part["variation"], part["label"],
               partners.get(place, -1))
        for place, part in enumerate(drawn)
    )  # fmt: skip
    folders = [side.folder / side.processor for side in sides]
    query = request.query_params
    picture = worker(request).run(
        chosen_png, folders[0], folders[1] if len(sides) > 1 else None, sides[0].view["name"],
        chosen, _lower(request, sides), log=bool(query.get("log")), unit=bool(query.get("unit")),
    )  # fmt: skip
    return png(request, picture)


def png(request: Request, picture: bytes) -> Response:
    """Returns a picture, which a browser may keep if its address says of which state it is.

    Args:
        request: What was asked.
        picture: Its content.
    """
    kept = "private, max-age=86400" if request.query_params.get("v") else "no-store"
    return Response(picture, media_type="image/png", headers={"Cache-Control": kept})


def _sides(request: Request) -> list[_Side]:
    query = request.query_params
    names = [query.get("folder", "")]
    if other := query.get("b"):
        names.append(other)
    left, _, right = query.get("processor", "").partition("/")
    processors = [left, right or left]
    found = []
    for number, given in enumerate(names):
        folder = results_folder(request, given)
        view = _view(request, folder, processors[number], query.get("name", ""))
        name = name_of(request.app.state.site.root, folder)
        letter = "AB"[number] if len(names) > 1 else ""
        found.append(_Side(letter, folder, name, processors[number], view))
    return found


def _view(request: Request, folder: Path, processor: str, name: str) -> dict[str, Any]:
    path = file_of(request, folder, processor, "histograms.json")
    return light(request, "The histogram", path.stat().st_size, one_view, path, name)


def one_view(path: Path, name: str) -> dict[str, Any]:
    """Returns what is known of a histogram, as `histogram_views` does.

    Args:
        path: `histograms.json`.
        name: Of the histogram.

    Raises:
        InputError: There is no such histogram, or the file does not hold histograms.
    """
    try:
        views = {view["name"]: view for view in histogram_views(path)}
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        message = f"{path} does not hold histograms: {error}"
        raise InputError(message, code="web.no-histograms", path=path) from error
    if name not in views:
        message = f"{path.parent} has no histogram {name!r}{suggest(name, views)}"
        raise InputError(message, code="web.not-found", path=name)
    return views[name]


def _choice(request: Request, sides: Sequence[_Side]) -> tuple[list[dict[str, Any]], set[str]]:
    """Returns all parts of the sides, and the names of those that are drawn."""
    parts = [
        {
            **part,
            "side": number,
            "id": f"{number}/{part['dataset']}/{part['variation']}",
            "label": _part_label(side, part),
        }
        for number, side in enumerate(sides)
        for part in side.view["parts"]
    ]
    ids = {part["id"] for part in parts}
    chosen = ids & set(request.query_params.getlist("part"))
    if not chosen:
        nominal = [part for part in parts if part["variation"] == NOMINAL]
        each = _FIRST // len(sides)
        for number in range(len(sides)):
            mine = [part["id"] for part in nominal if part["side"] == number]
            chosen.update(mine[:each])
    return parts, chosen


def _part_label(side: _Side, part: dict[str, Any]) -> str:
    words = [side.letter and f"{side.letter}:", part["dataset"]]
    words += [] if part["variation"] == NOMINAL else [f"({part['variation']})"]
    return " ".join(word for word in words if word)


def _pairs(drawn: Sequence[dict[str, Any]], *, two: bool) -> Iterator[tuple[int, int]]:
    """Yields the places of what is compared, and of what it is compared with; as plot.js does."""
    first = [n for n, part in enumerate(drawn) if (part["side"] == 0 if two else n == 0)]
    for place, part in enumerate(drawn):
        if place in first:
            continue
        same = [
            n for n in first
            if all(drawn[n][key] == part[key] for key in ("dataset", "variation"))
        ]  # fmt: skip
        if same or len(first) == 1:
            yield place, (same or first)[0]


def _lower(request: Request, sides: Sequence[_Side]) -> Lower:
    given = request.query_params.get("lower", "pull" if len(sides) > 1 else "")
    return cast("Lower", given) if given in _LOWER else ""


def _label(axis: dict[str, Any]) -> str:
    return str(axis["label"] or axis["name"])


def _file(request: Request, side: _Side) -> str | None:
    """Returns the path of the ROOT file below `file/`, None if there is none."""
    try:
        path = file_of(request, side.folder, side.processor, "histograms.root")
    except InputError:
        return None
    return name_of(request.app.state.site.root, path)


def _figure_query(
    request: Request, sides: Sequence[_Side], chosen: set[str]
) -> dict[str, str | list[str]]:
    """Returns the query of the address of the picture."""
    query = request.query_params
    state = [
        str((side.folder / side.processor / "histograms.json").stat().st_mtime_ns) for side in sides
    ]
    return {
        **{key: query.get(key, "") for key in ("folder", "b", "processor", "name", "log", "unit")},
        "lower": _lower(request, sides) or "none",
        "part": sorted(chosen),
        "v": "-".join(state),
    }


routes: Final = [
    Route("/histogram", histogram),
    Route("/chosen-figure", chosen_figure),
]
