"""Pages of datasets: all of them as they are now, and one with its versions, files and users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from tau3mu.errors import InputError, Tau3muError
from tau3mu.train.page.paging import paging
from tau3mu.train.page.search import index_of
from tau3mu.train.page.shown import shown
from tau3mu.train.page.versions import (
    Version,
    all_versions,
    change,
    dataset_names,
    files_of,
    short_views,
)
from tau3mu.web.rendering import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.train.page.versions import File

__all__ = ["routes"]

_ON_A_PAGE: Final = 100
_VERSIONS: Final = 20
_USES: Final = 100
_SHORTEST: Final = 4


def _datasets(request: Request) -> Response:
    """Shows the current version of each dataset."""
    store = shown(request).store
    uses: dict[str, dict[str, int]] = {}
    problem = ""
    try:
        for row in index_of(request).numbers_of_uses():
            uses.setdefault(row["dataset"], {})[row["kind"]] = row["number"]
    except Tau3muError as error:
        problem = str(error)
    found = [all_versions(store, name) for name in dataset_names(store)]
    return page(
        request,
        "page/datasets.html",
        rows=[(versions[-1], len(versions), uses.get(versions[-1].name, {})) for versions in found],
        problem=problem,
        store=store,
    )


def _dataset(request: Request) -> Response:
    """Shows a dataset: facts, versions with their changes, users and files."""
    known, name = shown(request), request.path_params["name"]
    versions = all_versions(known.store, name)
    one = _chosen(versions, request.query_params.get("version", ""))
    uses, problem = _uses(request, versions)
    where = paging(request, _ON_A_PAGE)
    files: Sequence[File] = ()
    if not one.problem:
        files = files_of(one, where.offset, where.offset + where.size)
    return page(
        request,
        "page/dataset.html",
        one=one,
        is_current=one is versions[-1],
        history=_history(versions),
        more_versions=max(0, sum(len(each.registered) for each in versions) - _VERSIONS),
        uses=uses[:_USES],
        more_uses=len(uses) - _USES,
        problem=problem,
        files=files,
        where=where,
        pages=where.pages(one.files),
        views=short_views(one),
    )


def _chosen(versions: Sequence[Version], version: str) -> Version:
    if not version:
        return versions[-1]
    found = [one for one in versions if one.version.startswith(version)]
    if len(found) == 1 and len(version) >= _SHORTEST:
        return found[0]
    message = f"dataset {versions[0].name!r} has no version {version!r}"
    raise InputError(message, code="train.unknown-version", path=version)


def _history(versions: Sequence[Version]) -> list[dict[str, Any]]:
    """Returns a row for each of the last times that a content was registered, the newest first."""
    times = sorted(
        ((one, version) for version in versions for one in version.registered),
        key=lambda pair: (pair[0].number, pair[0].when),
    )
    rows = []
    for index in range(len(times) - 1, max(-1, len(times) - 1 - _VERSIONS), -1):
        registration, version = times[index]
        rows.append(
            {
                "number": registration.number,
                "version": version,
                "when": registration.when,
                "by": registration.by,
                "change": change(times[index - 1][1], version) if index else "new",
            }
        )
    damaged = [version for version in versions if version.problem]
    return [
        *rows,
        *(
            {"number": None, "version": one, "when": "", "by": "", "change": one.problem}
            for one in damaged
        ),
    ]


def _uses(request: Request, versions: Sequence[Version]) -> tuple[list[dict[str, Any]], str]:
    """Returns a row for each that refers to a dataset, the newest first, or why nobody knows."""
    try:
        found = index_of(request).uses(versions[-1].name)
    except Tau3muError as error:
        return [], str(error)
    by_version = {one.version: one for one in versions}
    rows = []
    for row in reversed(found):
        kind, name, *rest = row["owner"].split("/")
        version = str(row["version"] or "")
        then = by_version.get(version)
        since = "its version is not registered" if then is None else change(then, versions[-1])
        one = {"kind": kind, "version": version, "changed": since}
        if kind == "datasets":
            rows.append({**one, "text": f"dataset {name}", "path": f"datasets/{name}"})
        elif kind == "tests":
            number = int(rest[0])
            text, path = f"test {number} of {name}", f"tests/{name}/{number}"
            rows.append({**one, "text": text, "path": path})
        else:
            rows.append({**one, "text": f"train {int(name)}", "path": f"trains/{int(name)}"})
    return rows, ""


routes: Final = [Route("/datasets", _datasets), Route("/datasets/{name}", _dataset)]
