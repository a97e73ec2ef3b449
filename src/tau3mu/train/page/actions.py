"""The start of a test or a train: what is going to be started, then a job that does it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from tau3mu.errors import InputError
from tau3mu.train.page.analyses import files_of
from tau3mu.train.page.grid import grid_of
from tau3mu.train.page.jobs import jobs, start_job
from tau3mu.train.page.shown import shown
from tau3mu.train.page.train_files import Check, check_of, known_file
from tau3mu.train.states import State
from tau3mu.web.forms import form
from tau3mu.web.rendering import page, redirect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.train.page.jobs import Job
    from tau3mu.train.page.train_files import TrainFile
    from tau3mu.train.store import Store

__all__ = ["routes"]

_TIME_LIMIT: Final = "180"
_SHORT: Final = "0.01"
_LONGEST: Final = 200
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")

_Fields = dict[str, list[str]]


def _ask(request: Request) -> Response:
    """Shows what would be started, with the choices that there are."""
    fields = {name: request.query_params.getlist(name) for name in request.query_params}
    return _form(request, _Asked(request, fields))


def _start(request: Request) -> Response:
    """Starts it, or says why not on the same page."""
    asked = _Asked(request, form(request))
    store, database = shown(request).store, shown(request).database
    if (other := asked.conflict()) is not None:
        return _form(request, asked, 409, conflict=other)
    try:
        words = asked.arguments()
    except InputError as error:
        return _form(request, asked, 400, message=str(error), code=error.code)
    if (running := _same(store, words)) is not None:
        return _form(request, asked, 409, running=running)
    return redirect(request, f"jobs/{start_job(store, words, asked.title, database=database)}")


class _Asked:
    """What somebody wants to start.

    Attributes:
        file: The train file.
        check: What is known about it.
        is_train: Whether it is a train, or else a test.
        wagon: The only wagon to test; empty for all.
    """

    def __init__(self, request: Request, fields: _Fields) -> None:
        self.fields = fields
        self.store = shown(request).store
        self.file: TrainFile = known_file(files_of(request), self.text("file"))
        self.check: Check = _checked(self.store, self.file)
        self.is_train = self.text("do") == "train"
        self.wagon = self.text("wagon")
        if self.wagon and self.check.valid and self.wagon not in self.wagons:
            message = f"the train has no wagon {self.wagon!r} that is active"
            raise InputError(message, code="train.unknown-wagon", path=self.wagon)

    def text(self, name: str, default: str = "") -> str:
        return (self.fields.get(name) or [default])[-1].strip()

    @property
    def wagons(self) -> list[str]:
        return list(self.check.tests)

    @property
    def title(self) -> str:
        name = self.file.path.name
        if not self.is_train:
            what = f"wagon {self.wagon}" if self.wagon else "all wagons"
            return f"Test of {what} of {name}"
        return f"Short train of {name}" if self.text("size") == "short" else f"Train of {name}"

    @property
    def refused(self) -> dict[str, str]:
        """Why wagons must not run, unless they are forced."""
        return {name: one["forced"] for name, one in self.check.tests.items() if one["forced"]}

    @property
    def exceeded(self) -> dict[str, tuple[float, float]]:
        """CPU hours and their limit, of the wagons that somebody has to approve."""
        return {
            name: (one["cpu_hours"], one["limit"])
            for name, one in self.check.tests.items()
            if one["cpu_hours"] is not None
            and one["limit"] is not None
            and one["cpu_hours"] > one["limit"]
        }

    def conflict(self) -> str | None:
        """Returns what has changed since the form was shown, None if nothing has."""
        if self.text("digest") != self.file.digest:
            return f"{self.file.path.name} has changed since this page was made: look at it again."
        return None

    def arguments(self) -> list[str]:
        """Returns the words of the command.

        Raises:
            InputError: Something is missing or wrong.
        """
        if not self.check.valid:
            message = "the train file has errors: correct them first"
            raise InputError(message, code=self.check.code, path=str(self.file.path))
        return self._train() if self.is_train else self._test()

    def _test(self) -> list[str]:
        limit = _number(self.text("time_limit", _TIME_LIMIT), "time_limit", most=1e5)
        again = ["--again"] if self.text("again") else []
        wagon = [self.wagon] if self.wagon else []
        return ["test", str(self.file.path), *wagon, f"--time-limit={limit:g}", *again]

    def _train(self) -> list[str]:
        forced = self.fields.get("force", [])
        if unknown := [name for name in forced if name not in self.wagons]:
            message = f"the train has no wagon {unknown[0]!r} that is active"
            raise InputError(message, code="train.unknown-wagon", path=unknown[0])
        if left := [name for name in self.refused if name not in forced]:
            message = (
                f"no good test lets these wagons run: {', '.join(left)}; test them, or say below "
                "that they run all the same"
            )
            raise InputError(message, code="train.not-tested", path=left[0])
        approved = _line(self.text("approve"), "approve")
        if self.exceeded and not approved:
            names = ", ".join(self.exceeded)
            message = f"{names} need more CPU time than their limits: say below who has approved it"
            raise InputError(message, code="train.not-approved", path="approve")
        words = ["run", str(self.file.path)]
        size = self.text("size", "short")
        if size not in {"short", "whole"}:
            message = f"expected a short or a whole train, not {size!r}"
            raise InputError(message, code="train.bad-form", path="size")
        if size == "short":
            words.append(f"--short={_number(self.text('short', _SHORT), 'short', most=1.0):g}")
        # Whoever checks a box for a wagon with a good test forces nothing.
        words += [f"--force={name}" for name in forced if name in self.refused]
        words += [f"--approve={approved}"] if approved else []
        for name in ("label", "comment"):
            words += [f"--{name}={text}"] if (text := _line(self.text(name), name)) else []
        return words


def _form(request: Request, asked: _Asked, status: int = 200, **context: Any) -> Response:
    grid = grid_of(asked.store, asked.file, asked.check)
    given = {
        name: asked.text(name, default)
        for name, default in (
            ("time_limit", _TIME_LIMIT),
            ("again", ""),
            ("size", "short"),
            ("short", _SHORT),
            ("approve", ""),
            ("label", ""),
            ("comment", ""),
        )
    }
    nothing = {"message": "", "code": "", "conflict": "", "running": None}
    return page(
        request,
        "page/start.html",
        status,
        **(nothing | context),
        asked=asked,
        given=given,
        forced=asked.fields.get("force", []),
        grid=grid,
        wagons=_rows(asked, {one.name: one for one in grid.wagons}),
    )


def _rows(asked: _Asked, wagons: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns a row for each wagon: its test, and what the whole datasets need."""
    rows = []
    for name, known in asked.check.tests.items():
        last = wagons[name].last if name in wagons else None
        measured = last.measured if last else None
        hours = known["cpu_hours"]
        if hours is None and measured is not None:
            hours = measured.cpu_hours
        limit = known["limit"] if known["limit"] is not None or measured is None else measured.limit
        rows.append(
            {
                "name": name,
                "test": last,
                "refused": known["forced"],
                "cpu_hours": hours,
                "limit": limit,
                "exceeded": name in asked.exceeded,
            }
        )
    return rows


def _checked(store: Store, file: TrainFile) -> Check:
    if file.problems:
        return Check(valid=False, problems=file.problems, code=file.code)
    found = check_of(store, file, wait=True)
    assert found is not None  # since it was waited for
    return found


def _same(store: Store, words: Sequence[str]) -> Job | None:
    """Returns a job that does the same already, such as after a second click."""
    running = (one for one in jobs(store) if one.status.state is State.RUNNING)
    return next((one for one in running if list(one.record.arguments) == list(words)), None)


def _number(text: str, name: str, *, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= most:
        message = f"expected a number above 0 and up to {most:g}, not {text!r}"
        raise InputError(message, code="train.bad-form", path=name)
    return value


def _line(text: str, name: str) -> str:
    if len(text) > _LONGEST or _CONTROLS.search(text):
        message = f"{name}: expected a line of at most {_LONGEST} characters"
        raise InputError(message, code="train.bad-form", path=name)
    return text


routes: Final = [Route("/start", _ask, methods=["GET"]), Route("/start", _start, methods=["POST"])]
