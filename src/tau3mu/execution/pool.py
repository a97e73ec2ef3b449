"""What the driver loop asks of the place where chunks are processed, whichever that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

    import awkward as ak
    from typing_extensions import Self

    from tau3mu.datasets import Chunk

__all__ = ["Failure", "FailureKind", "Finished", "Pool", "no_progress"]

FailureKind = Literal["transient", "bad_file", "resources", "fatal", "worker_lost"]


@dataclass(frozen=True)
class Failure:
    """Why a chunk has no record.

    Attributes:
        kind: `transient`: try again later; `bad_file`: what is wrong is wrong with the file;
            `resources`: the process lacks memory or the like, so try again, and end the run if that
            does not help; `fatal`: nothing else can work either; `worker_lost`: the process of the
            chunk died.
        message: One line for the user.
        details: The traceback, if there is one.
    """

    kind: FailureKind
    message: str
    details: str = ""


@dataclass(frozen=True)
class Finished:
    """What became of one chunk: a record or a failure.

    Attributes:
        index: The place of the chunk in the list of all chunks.
        record: What `process_chunk` returned, also if it could not read the chunk.
        failure: Why there is no record.
        worker: Who worked on it, as `host:pid` or the address of the worker, if that is known.
    """

    index: int
    record: ak.Array | None
    failure: Failure | None
    worker: str = ""


class Pool(Protocol):
    """Works off chunks; a context manager, after which nothing is in flight any more."""

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
        """Returns how many chunks should be in flight so that no worker has to wait."""
        ...

    def submit(self, index: int, chunk: Chunk) -> None:
        """Hands over a chunk; one that has finished may be submitted again."""
        ...

    def collect(self, timeout: float) -> list[Finished]:
        """Returns what has finished, after at most `timeout` seconds; nothing if nothing has.

        Raises:
            RunError: The pool itself is at an end, such as a cluster without scheduler.
        """
        ...

    def cancel(self, indices: Collection[int]) -> None:
        """Forgets these chunks; none of them is returned by `collect` any more."""
        ...


def no_progress(seconds: float, in_flight: str) -> RunError:
    """Returns the error that no chunk has finished for so long.

    Args:
        seconds: How long.
        in_flight: The chunks that have been handed out.
    """
    message = (
        f"no chunk has finished for {seconds:g} s, in flight: {in_flight}; if chunks may take that "
        "long, raise --timeout"
    )
    return RunError(message)
