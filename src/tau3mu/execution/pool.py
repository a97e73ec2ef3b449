"""Pools, which map a function over many items: in this process, in others, or on Dask.

The driver loop of a run and `run_tasks` use them. The function is `function(index, item, shared)`;
what the items share is packed once, as bytes.
"""

from __future__ import annotations

import os
import pickle
import platform
import traceback
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

import cloudpickle

from tau3mu.errors import RunError, Tau3muError
from tau3mu.processing.packing import pack_object, remember
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

    from typing_extensions import Self

__all__ = [
    "Failure",
    "FailureKind",
    "Finished",
    "Pool",
    "TaskError",
    "call",
    "label",
    "no_progress",
    "pack",
    "this_process",
]

FailureKind = Literal["transient", "bad_file", "resources", "fatal", "worker_lost"]
"""Why a task has no result.

`transient`: it may go well later; `bad_file`: what is wrong is wrong with the file; `resources`:
the process lacks memory or the like; `fatal`: nothing else can work either; `worker_lost`: the
process of the task died.
"""


class TaskError(RunError):
    """Is raised when a task fails by a mistake in its code.

    Attributes:
        message: One line for the user.
        details: The traceback, as text to cross processes.
    """

    def __init__(self, message: str, details: str = "", *, code: str = "execution.task") -> None:
        """Creates the error.

        Args:
            message: One line for the user.
            details: The traceback for the log.
            code: The kind of the error.
        """
        super().__init__(message, details, code=code)
        self.message = redact(message)
        self.details = redact(details)

    def __str__(self) -> str:
        """Returns the message alone."""
        return self.message


@dataclass(frozen=True)
class Failure:
    """Why a task has no result.

    Attributes:
        kind: What follows from it.
        message: One line for the user.
        error: The error to raise if the run ends by it; by default a `RunError`.
    """

    kind: FailureKind
    message: str
    error: Tau3muError | None = None

    def as_error(self) -> Tau3muError:
        """Returns the error to raise."""
        return self.error or RunError(self.message, code=f"execution.{self.kind.replace('_', '-')}")


@dataclass(frozen=True)
class Finished:
    """The result of one item, or its failure.

    Attributes:
        index: The place of the item in the list of all items.
        result: What the function returned, None after a failure.
        failure: Why there is no result.
        worker: Where it ran, as `host:pid` or the address of a worker, if that is known.
    """

    index: int
    result: Any
    failure: Failure | None = None
    worker: str = ""


class Pool(Protocol):
    """Maps a function over items; a context manager, after which nothing is in flight."""

    def __enter__(self) -> Self:
        """Starts what is needed."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends all processes that were started, and forgets what is in flight."""
        ...

    def capacity(self) -> int:
        """Returns how many items should be in flight so that no worker has to wait."""
        ...

    def submit(self, index: int, item: Any) -> None:
        """Hands over an item; one that has finished may be submitted again."""
        ...

    def collect(self, timeout: float) -> list[Finished]:
        """Returns what has finished, after at most `timeout` seconds; nothing if nothing has.

        Raises:
            RunError: The pool itself is at an end, such as a cluster without scheduler.
        """
        ...

    def cancel(self, indices: Collection[int]) -> None:
        """Forgets these items; none of them is returned by `collect` any more."""
        ...


def pack(function: Any, shared: Any) -> bytes:
    """Returns a function and what all its items share, as bytes for `call`.

    Bytes, since a pool would send a class of a user's file by a name that workers do not know, and
    since they are unpacked once per process rather than once per item.
    """
    return pickle.dumps(tuple(pack_object((function, shared))))


def call(index: int, item: Any, packed: bytes) -> Finished:
    """Returns what came of an item, in a process that got the function from `pack`.

    Failures are values: an exception of a class that cannot be unpickled would never arrive.
    """
    worker = this_process()
    try:
        function, shared, lines = _unpacked(packed)
        remember(lines)
        return Finished(index, function(index, item, shared), None, worker)
    except Tau3muError as error:
        failure = Failure("fatal", str(error), error)
    except MemoryError as error:
        failure = Failure("resources", f"{label(index, item)}: not enough memory: {error}")
    except Exception as error:  # noqa: BLE001 - a defect, or a module that this process lacks
        message = f"{label(index, item)} failed on worker {worker}: {type(error).__name__}: {error}"
        failure = Failure("fatal", message, TaskError(message, traceback.format_exc()))
    return Finished(index, None, failure, worker)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> tuple[Any, Any, Any]:
    content, lines = pickle.loads(packed)
    function, shared = cloudpickle.loads(content)
    return function, shared, lines


def this_process() -> str:
    """Returns `host:pid`."""
    return f"{platform.node()}:{os.getpid()}"


def label(index: int, item: Any) -> str:
    """Returns what messages call an item: its `label`, or its number."""
    return str(getattr(item, "label", f"task {index + 1}"))


def no_progress(seconds: float, in_flight: str) -> RunError:
    """Returns the error that nothing has finished for so long.

    Args:
        seconds: How long.
        in_flight: What has been handed out.
    """
    message = (
        f"no chunk has finished for {seconds:g} s, in flight: {in_flight}; if chunks may take that "
        "long, raise --timeout"
    )
    return RunError(message, code="execution.no-progress", path="--timeout")
