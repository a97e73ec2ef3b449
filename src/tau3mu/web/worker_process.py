"""What the process of the worker does: it answers questions until there are no more."""

from __future__ import annotations

import pickle
import sys
import traceback
from typing import TYPE_CHECKING

from tau3mu.errors import RunError, Tau3muError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["answer_requests"]


def answer_requests(pipe: Connection) -> None:
    """Answers until the other end of a pipe is closed.

    Args:
        pipe: It brings pickled calls, and takes their error or None with the pickled value.
    """
    while True:
        try:
            question = pipe.recv_bytes()
        except EOFError:
            return
        answer = _answer(question)
        try:
            pipe.send_bytes(answer)
        except OSError:  # the server has ended
            return


def _answer(question: bytes) -> bytes:
    name = "the call"
    try:
        function, args, kwargs = pickle.loads(question)
        name = function.__name__
        return pickle.dumps((None, pickle.dumps(function(*args, **kwargs))))
    except Tau3muError as error:
        return pickle.dumps((error, None))
    except Exception as error:  # noqa: BLE001 - it is raised again where the answer is read
        traceback.print_exc(file=sys.stderr)
        message = f"{name} failed: {type(error).__name__}: {error}"
        return pickle.dumps((RunError(message, code="web.worker-error", path=name), None))
