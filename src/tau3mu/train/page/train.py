"""A train: states, progress, data, problems, wagons, configuration, code, logs and files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from tau3mu.errors import InputError, Tau3muError
from tau3mu.storage.names import FULL_CONFIG, RUN
from tau3mu.train.page.details import (
    dataset_rows,
    folder_of,
    job_of,
    outcome_of,
    problem_rows,
    train_now,
)
from tau3mu.train.page.files import files_of, sections_of
from tau3mu.train.page.jobs import tail
from tau3mu.train.page.paging import asked, paging
from tau3mu.train.page.shown import shown
from tau3mu.train.page.train_actions import actions_of
from tau3mu.train.record import RECORD, RESULTS, STDERR, STDOUT, words
from tau3mu.train.states import STATUS
from tau3mu.web.paths import confined
from tau3mu.web.rendering import page

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_FILES: Final = (
    *(RECORD, FULL_CONFIG, "configuration.json", "input_data.txt", STATUS, "notes.json"),
    *(STDOUT, STDERR, f"{RESULTS}/{RUN}", f"{RESULTS}/ledger.jsonl", f"{RESULTS}/log.txt"),
)
_ROWS: Final = 100
_PROBLEMS: Final = 50
_LONGEST: Final = 200_000
"""More characters of a file are not shown: it can be downloaded."""
_MOST_CODE: Final = 1000


def train(request: Request) -> Response:
    """Shows a train."""
    folder = folder_of(request)
    store = shown(request).store
    try:
        now = train_now(folder)
        outcome = outcome_of(folder)
        problems = problem_rows(now, outcome)
    except Tau3muError as error:
        return _damaged(request, folder, error)
    parent = _parent(request, now.record.parent)
    job = job_of(request)
    return page(
        request, "page/train.html",
        now=now, job=job, is_live=now.is_live or (job is not None and not job.status.state.ended),
        outcome=outcome, facts=_facts(now.record, folder), parent=parent,
        datasets=dataset_rows(now, outcome, store),
        problems=problems[:_PROBLEMS], more_problems=max(0, len(problems) - _PROBLEMS),
        actions=actions_of(now, outcome),
        results=_below(request, folder / RESULTS) if (folder / RESULTS / RUN).is_file() else None,
        downloads=_downloads(request, folder),
        command=words(now.record.command),
        reproduce=words(["python", "-m", "tau3mu.train", "reproduce", str(folder / RESULTS)]),
    )  # fmt: skip


def files(request: Request) -> Response:
    """Shows the files that a train reads."""
    folder = folder_of(request)
    where = paging(request, _ROWS)
    filters = asked(request, "text", "dataset", "only")
    if filters.get("only") not in {None, "missing"}:
        message = f"only={filters['only']}: expected missing, or nothing"
        raise InputError(message, code="web.bad-query", path="only")
    found = files_of(
        folder, missing="only" in filters, text=filters.get("text", ""),
        dataset=filters.get("dataset", ""), offset=where.offset, limit=where.size,
    )  # fmt: skip
    now = train_now(folder)
    return page(
        request, "page/train_files.html",
        now=now, rows=found.rows, total=found.total, filters=filters, where=where,
        pages=where.pages(found.total), datasets=list(now.record.datasets),
    )  # fmt: skip


def configuration(request: Request) -> Response:
    """Shows the frozen configuration of a train, part by part."""
    folder = folder_of(request)
    parts = {name: _text_of(value) for name, value in _parts(sections_of(folder))}
    code = folder / "code"
    names = [
        path.relative_to(code).as_posix()
        for path in sorted(code.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    return page(
        request, "page/configuration.html",
        number=int(folder.name), parts=parts, code=names[:_MOST_CODE],
        more=max(0, len(names) - _MOST_CODE), file=_below(request, folder / FULL_CONFIG),
    )  # fmt: skip


def code(request: Request) -> Response:
    """Shows a module or a small file that is frozen with a train, as text."""
    folder = folder_of(request)
    name: str = request.path_params["path"]
    file = confined(shown(request).store.root, f"trains/{folder.name}/code/{name}")
    if not file.is_file():
        message = f"{name!r} is not a file of the code of train {int(folder.name)}"
        raise InputError(message, code="web.not-found", path=name)
    with file.open("rb") as stream:
        content = stream.read(_LONGEST + 1)
    text = None if b"\0" in content else content[:_LONGEST].decode("utf-8", "replace")
    return page(
        request, "page/text.html",
        number=int(folder.name), title=f"code/{name}", text=text, back="configuration",
        is_cut=len(content) > _LONGEST, file=_below(request, file),
    )  # fmt: skip


def log(request: Request) -> Response:
    """Shows the end of what a train has printed."""
    folder = folder_of(request)
    name: str = request.path_params["name"]
    if name not in {STDOUT, STDERR}:
        message = f"there is no log {name!r}; expected {STDOUT} or {STDERR}"
        raise InputError(message, code="web.not-found", path=name)
    file = folder / name
    return page(
        request, "page/text.html",
        number=int(folder.name), title=name, text=tail(file), back="",
        is_cut=False, file=_below(request, file) if file.is_file() else None,
    )  # fmt: skip


def _damaged(request: Request, folder: Path, error: Tau3muError) -> Response:
    """Shows what is wrong with a train, and the files that it has."""
    return page(
        request, "page/damaged_train.html", 200 if folder.is_dir() else 404,
        number=int(folder.name), message=str(error), code=error.code,
        downloads=_downloads(request, folder),
    )  # fmt: skip


def _facts(record: Any, folder: Path) -> dict[str, Any]:
    """Returns what the page says of a train in words."""
    return {
        "name": record.name,
        "title": record.title,
        "authors": ", ".join(record.authors),
        "contact": record.contact,
        "by": record.by,
        "approved by": record.approved,
        "asked for": ", ".join(record.asked),
        "hash": record.hash,
        "train file": record.file,
        "folder": str(folder),
    }


def _parent(request: Request, number: int | None) -> dict[str, Any] | None:
    """Returns the parent of a train, and its results if there are any."""
    if number is None:
        return None
    try:
        folder = shown(request).store.train(number)
    except InputError:
        return {"number": number, "exists": False, "results": None}
    has_results = (folder / RESULTS / RUN).is_file()
    results = _below(request, folder / RESULTS) if has_results else None
    return {"number": number, "exists": True, "results": results}


def _downloads(request: Request, folder: Path) -> list[dict[str, Any]]:
    found = []
    for name in _FILES:
        try:
            size = (folder / name).stat().st_size
        except OSError:
            continue
        found.append({"name": name, "path": _below(request, folder / name), "size": size})
    return found


def _below(request: Request, path: Path) -> str:
    return path.relative_to(shown(request).store.root).as_posix()


def _parts(sections: dict[str, Any]) -> list[tuple[str, Any]]:
    """Returns the parts of a configuration: each processor is one of its own."""
    parts: list[tuple[str, Any]] = []
    for name, value in sections.items():
        if name == "processors" and isinstance(value, list):
            for one in value:
                title = one.get("name", "?") if isinstance(one, dict) else "?"
                parts.append((f"processor {title}", one))
        elif value not in ({}, [], None, ""):
            parts.append((name, value))
    return parts


def _text_of(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n... cut here: see the file"


routes: Final = [
    Route("/trains/{number}", train),
    Route("/trains/{number}/files", files),
    Route("/trains/{number}/configuration", configuration),
    Route("/trains/{number}/code/{path:path}", code),
    Route("/trains/{number}/log/{name}", log),
]
