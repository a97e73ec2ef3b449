"""Pages that the worker makes: at once if it is quick, or after a page that says so."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar
from urllib.parse import urlencode

from tau3mu.web.rendering import page
from tau3mu.web.worker import worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Waiting", "being_made", "light", "soon"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_PATIENCE: Final = 0.12  # seconds, of the 200 ms that a page may take
_WAIT: Final = "wait"
_LIGHT: Final = 1_000_000
"""Bytes that the server itself reads for a page; JSON takes ten times as many in memory."""


class Waiting(Exception):  # noqa: N818 - not an error
    """Is raised where a page cannot be made at once.

    Attributes:
        what: What is being made.
    """

    def __init__(self, what: str) -> None:
        """Creates it.

        Args:
            what: Such as "The comparison".
        """
        super().__init__(what)
        self.what = what


def light(
    request: Request, what: str, size: int, function: Callable[_P, _R], *args: _P.args,
    **kwargs: _P.kwargs,
) -> _R:  # fmt: skip
    """Returns what a function returns, here if it reads little and in the worker if it reads much.

    Args:
        request: As for `soon`.
        what: Likewise.
        size: Of the files that it reads, in bytes.
        function: Likewise.
        *args: Likewise.
        **kwargs: Likewise.

    Raises:
        Waiting: As `soon` does.
    """
    if size <= _LIGHT:
        return function(*args, **kwargs)
    return soon(request, what, function, *args, **kwargs)


def soon(
    request: Request, what: str, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """Returns what a function returns in the worker.

    Args:
        request: What was asked; with `wait=1` in its address it waits.
        what: What is being made, such as "The comparison".
        function: As for `Worker.run`.
        *args: Likewise.
        **kwargs: Likewise.

    Raises:
        Waiting: It takes longer; the worker goes on, so that it is known when it is asked again.
    """
    if request.query_params.get(_WAIT):
        return worker(request).run(function, *args, **kwargs)
    made: Future[_R] = Future()

    def run() -> None:
        try:
            made.set_result(worker(request).run(function, *args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            made.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return made.result(_PATIENCE)
    except TimeoutError:
        if made.done():  # of the function itself
            raise
        raise Waiting(what) from None


def being_made(request: Request, waiting: Exception) -> Response:
    """Returns a page that says what is being made, and loads it at once.

    A browser shows it until the server has answered; nothing of it needs a script.

    Args:
        request: What was asked.
        waiting: What was raised.
    """
    words = [(key, text) for key, text in request.query_params.multi_items() if key != _WAIT]
    address = f"?{urlencode([*words, (_WAIT, '1')])}"
    return page(request, "web/being_made.html", 202, what=str(waiting), address=address)
