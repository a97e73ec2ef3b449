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

__all__ = ["Waiting", "being_made", "soon"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_PATIENCE: Final = 0.12  # seconds, of the 200 ms that a page may take
_WAIT: Final = "wait"


class Waiting(Exception):  # noqa: N818 - not an error
    """Is raised where a page cannot be made at once."""


def soon(
    request: Request, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """Returns what a function returns in the worker.

    Args:
        request: What was asked; with `wait=1` in its address it waits.
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
        raise Waiting from None


def being_made(request: Request, what: str) -> Response:
    """Returns a page that says what is being made, and loads it at once.

    A browser shows it until the server has answered; nothing of it needs a script.

    Args:
        request: What was asked.
        what: Such as "The comparison".
    """
    words = [(key, text) for key, text in request.query_params.multi_items() if key != _WAIT]
    address = f"?{urlencode([*words, (_WAIT, '1')])}"
    return page(request, "web/being_made.html", 202, what=what, address=address)
