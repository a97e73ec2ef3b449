"""Pages of tests: those of a wagon over time, and all that one of them has measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from tau3mu.errors import InputError, Tau3muError, suggest
from tau3mu.storage.names import CONFIGURATION, FULL_CONFIG, INPUT_DATA, RUN
from tau3mu.train.history import history_picture
from tau3mu.train.metrics import METRICS, read_metrics
from tau3mu.train.page.jobs import STREAMS, is_own_file, tail
from tau3mu.train.page.paging import paging
from tau3mu.train.page.past import folder_of_test, past_test
from tau3mu.train.page.shown import shown
from tau3mu.train.performance import PICTURE
from tau3mu.web.rendering import page
from tau3mu.web.worker import worker

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from tau3mu.train.metrics import Metrics, PartUse
    from tau3mu.train.store import Store

__all__ = ["routes"]

_ON_A_PAGE: Final = 50
_MEGA: Final = 1e6
_FILES: Final = (METRICS, FULL_CONFIG, CONFIGURATION, INPUT_DATA, "env.json", *STREAMS, PICTURE)


def _history(request: Request) -> Response:
    """Shows the tests of a wagon, the newest first, as a table and as a picture."""
    store, wagon = shown(request).store, request.path_params["wagon"]
    folders = list(reversed(_folders(store, wagon)))
    where = paging(request, _ON_A_PAGE)
    some = folders[where.offset : where.offset + where.size]
    return page(
        request,
        "page/tests.html",
        wagon=wagon,
        tests=[past_test(folder) for folder in some],
        total=len(folders),
        where=where,
        pages=where.pages(len(folders)),
    )


def _picture(request: Request) -> Response:
    store, wagon = shown(request).store, request.path_params["wagon"]
    _folders(store, wagon)
    content = worker(request).run(history_picture, store, wagon)
    return Response(content, media_type="image/png")


def _test(request: Request) -> Response:
    """Shows all that is known of a test."""
    store, wagon = shown(request).store, request.path_params["wagon"]
    folder = folder_of_test(store, wagon, request.path_params["number"])
    test = past_test(folder)
    numbers = [int(path.name) for path in store.tests(wagon)]
    place = f"tests/{wagon}/{folder.name}"
    metrics, problem = _metrics(folder)
    return page(
        request,
        "page/test.html",
        test=test,
        metrics=metrics,
        problem=problem,
        before=max((one for one in numbers if one < test.number), default=None),
        after=min((one for one in numbers if one > test.number), default=None),
        place=place,
        files=[name for name in _FILES if (folder / name).is_file()],
        code=sorted(path.name for path in (folder / "code").glob("*")),
        has_results=(folder / "results" / RUN).is_file(),
        configuration=_text(folder / CONFIGURATION),
        out=tail(folder / STREAMS[0]),
        err=tail(folder / STREAMS[1]),
        **_measured(metrics),
    )


def _measured(metrics: Metrics | None) -> dict[str, Any]:
    if metrics is None:
        return {"use": {}, "expected": [], "costs": {}, "parts": [], "read": [], "memory": {}}
    return {
        "use": _use(metrics),
        "memory": _memory(metrics),
        "expected": _expected(metrics),
        "costs": _costs(metrics),
        "parts": _parts(metrics),
        "read": [
            {
                "dataset": name,
                "events": one.entries,
                "read": one.events,
                "files": one.files,
                "chunks": one.chunks,
            }
            for name, one in metrics.datasets.items()
        ],
    }


def _use(metrics: Metrics) -> dict[str, Any]:
    return {
        "events read": metrics.events,
        "events per second": round(metrics.events_per_second, 1),
        "MB per second": round(metrics.megabytes_per_second, 3),
        "CPU of events [s]": round(metrics.loop.cpu, 2),
        "wall time of events [s]": round(metrics.loop.wall, 2),
        "CPU of the start [s]": round(metrics.start.cpu, 2),
        "CPU of the results [s]": round(metrics.results.cpu, 2),
        "CPU of the check of files [s]": round(metrics.check.cpu, 2),
        "input [MB]": round(metrics.input_bytes / _MEGA, 3),
        "output [MB]": round(metrics.output_bytes / _MEGA, 3),
        "log [MB]": round(metrics.log_bytes / _MEGA, 3),
        "time limit [s]": metrics.time_limit,
        "all events were read": metrics.complete,
        "exit code": metrics.exit_code,
        "host": metrics.host,
    }


def _memory(metrics: Metrics) -> dict[str, Any]:
    memory = metrics.memory
    slope, error = memory.slope, memory.slope_error
    return {
        "most [MB]": round(memory.most / _MEGA, 1),
        "limit [MB]": metrics.limits.memory_mb,
        "average, PSS [MB]": round(memory.pss_average / _MEGA, 1),
        "most, private [MB]": round(memory.private_max / _MEGA, 1),
        "before the first chunk [MB]": round(memory.start / _MEGA, 1),
        "of the results [MB]": round(memory.results / _MEGA, 1),
        "growth per chunk [MB]": None if slope is None else round(slope / _MEGA, 3),
        "its uncertainty [MB]": None if error is None else round(error / _MEGA, 3),
        "measured as": memory.source.upper(),
    }


def _expected(metrics: Metrics) -> list[dict[str, Any]]:
    """Returns what the whole datasets need, against the limits."""
    expected, limits = metrics.expected, metrics.limits
    if expected is None:
        return []
    quantities = (
        ("CPU [h]", expected.cpu_hours, limits.cpu_hours),
        ("memory [MB]", expected.memory_bytes / _MEGA, limits.memory_mb),
        ("output [MB]", expected.output_bytes / _MEGA, limits.output_mb),
    )
    return [
        {"quantity": name, "expected": value, "limit": limit, "above": value > limit}
        for name, value, limit in quantities
    ]


def _costs(metrics: Metrics) -> dict[str, Any]:
    expected = metrics.expected
    if expected is None:
        return {}
    return {
        "events": expected.events,
        "chunks": expected.chunks,
        "CPU that is always needed [s]": round(expected.seconds_fixed, 3),
        "CPU per chunk [s]": round(expected.seconds_per_chunk, 5),
        "CPU per file [s]": round(expected.seconds_per_file, 5),
        "CPU per event [µs]": round(expected.microseconds_per_event, 2),
        "CO₂ [g]": round(expected.grams_co2, 4),
    }


def _parts(metrics: Metrics) -> list[dict[str, Any]]:
    """Returns what the reader and each wagon needed."""
    rows = [_part("reading of files", metrics.reader)]
    return [*rows, *(_part(name, one) for name, one in metrics.wagons.items())]


def _part(name: str, use: PartUse) -> dict[str, Any]:
    return {
        "part": name,
        "CPU [s]": None if use.cpu is None else round(use.cpu, 3),
        "wall [s]": None if use.wall is None else round(use.wall, 3),
        "of CPU [%]": None if use.fraction is None else round(100 * use.fraction, 1),
        "MB": round(use.bytes / _MEGA, 3),
        "candidates": use.candidates,
        "histograms [MB]": round(use.histograms / _MEGA, 3),
        "skim events": use.skim_events,
        "skim [MB]": round(use.skim / _MEGA, 3),
    }


def _metrics(folder: Path) -> tuple[Metrics | None, str]:
    """Returns the metrics of a test, or why there are none."""
    if not (folder / METRICS).is_file():
        return None, ""
    try:
        return read_metrics(folder), ""
    except (Tau3muError, OSError) as error:
        return None, str(error)


def _folders(store: Store, wagon: str) -> list[Path]:
    known = store.tested()
    folders = store.tests(wagon) if wagon in known else []
    if not folders:
        message = f"there are no tests of {wagon!r}{suggest(wagon, known)}"
        raise InputError(message, code="train.no-tests", path=wagon)
    return folders


def _text(file: Path, most: int = 100_000) -> str:
    """Returns the beginning of a text file, empty if it cannot be read."""
    if not is_own_file(file):
        return ""
    try:
        with file.open("rb") as stream:
            return stream.read(most).decode("utf-8", "replace")
    except OSError:
        return ""


routes: Final = [
    Route("/tests/{wagon}", _history),
    Route("/tests/{wagon}/history.png", _picture),
    Route("/tests/{wagon}/{number}", _test),
]
