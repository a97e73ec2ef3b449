"""Pages of jobs: what was started, what it prints, and the test or train that it has made."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import HTMLResponse
from starlette.routing import Route

from tau3mu.train.page.jobs import STREAMS, is_own_file, job, jobs, stop_job, tail
from tau3mu.train.page.past import past_tests
from tau3mu.train.page.shown import shown
from tau3mu.train.states import State
from tau3mu.web.rendering import fragment, page, redirect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.train.page.jobs import Job
    from tau3mu.train.store import Store

__all__ = ["made_by", "routes"]

_TRAIN: Final = re.compile(r"^Train ([0-9]+)\b", re.MULTILINE)
_HEAD: Final = 4000
_LOOKED_AT: Final = 20
_OF_TRAINS: Final = {"run", "promote", "rerun", "kill"}


def made_by(store: Store, one: Job) -> list[tuple[str, str]]:
    """Returns texts and paths of the tests and trains that a job has made so far.

    Args:
        store: Where they are.
        one: The job.
    """
    command, *_ = (*one.record.arguments, "")
    if command == "test":
        return [(f"Test {n} of {name}", f"tests/{name}/{n}") for name, n in _tests(store, one)]
    if command in _OF_TRAINS:
        numbers = dict.fromkeys(_TRAIN.findall(_head(one)))
        return [(f"Train {number}", f"trains/{number}") for number in numbers]
    return []


def _tests(store: Store, one: Job) -> Iterator[tuple[str, int]]:
    """Yields the tests of the process of a job, and those that failed before they could begin."""
    changes = one.status.changes
    end = changes[-1].time if one.status.state.ended else ""
    for wagon in store.tested():
        for test in islice(past_tests(store, wagon), _LOOKED_AT):
            if test.since < one.record.started:
                continue
            is_its_own = one.pid and test.pid == one.pid
            if is_its_own or (not test.pid and (not end or test.since <= end)):
                yield wagon, test.number


def _head(one: Job) -> str:
    if not is_own_file(one.folder / STREAMS[0]):
        return ""
    try:
        with (one.folder / STREAMS[0]).open("rb") as stream:
            return stream.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return ""


def _jobs(request: Request) -> Response:
    return page(request, "page/jobs.html", jobs=jobs(shown(request).store))


def _job(request: Request) -> Response:
    store = shown(request).store
    one = job(store, request.path_params["job"])
    context: dict[str, Any] = {
        "job": one,
        "made": made_by(store, one),
        "out": tail(one.folder / STREAMS[0]),
        "err": tail(one.folder / STREAMS[1]),
        "is_running": one.status.state is State.RUNNING,
    }
    if "HX-Request" in request.headers:
        return HTMLResponse(fragment(request, "page/job_part.html", **context))
    return page(request, "page/job.html", **context)


def _stop(request: Request) -> Response:
    one = job(shown(request).store, request.path_params["job"])
    stop_job(one)
    return redirect(request, f"jobs/{one.id}")


routes: Final = [
    Route("/jobs", _jobs),
    Route("/jobs/{job}", _job, methods=["GET"]),
    Route("/jobs/{job}/stop", _stop, methods=["POST"]),
]
