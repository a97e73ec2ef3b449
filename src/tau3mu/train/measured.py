"""The process of a test: runs chunks until the time is up, and writes down what each needed.

It is started by `measuring.measure` and writes lines of JSON, each as soon as it is known, since it
may be killed at any time.
"""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import resource
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.train.memory import forget_peak, memory_now, peak_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from io import TextIOWrapper

    from tau3mu.datasets import Chunk
    from tau3mu.execution import ChunkResult
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor

__all__ = ["Job", "main", "run_job"]

_PARENT_SECONDS = 1.0
_MOST_FAILURES = 20


@dataclass(frozen=True)
class Job:
    """What a process of a test does.

    Attributes:
        chunks: To be run in this order.
        expected: What the processors return without events.
        seconds: After which no further chunk is begun.
        lines: The file for the lines of JSON.
        results: The folder for the results.
        candidates: Their format.
    """

    chunks: Sequence[Chunk]
    expected: Mapping[str, Returned]
    seconds: float
    lines: Path
    results: Path
    candidates: str = "root"


def main(arguments: Sequence[str]) -> int:
    """Runs the job in a file and returns the exit code.

    Args:
        arguments: The file, which is removed, and the process that waits for this one.
    """
    from tau3mu.execution.pool import call

    path, parent = Path(arguments[0]), int(arguments[1])
    faulthandler.enable()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    job, packed = pickle.loads(path.read_bytes())
    path.unlink()
    finished = call(0, job, packed)
    if finished.failure is None:
        return 0
    with _Lines(job.lines) as lines:
        error = finished.failure.as_error()
        lines.write("error", message=str(error), code=error.code, path=error.path)
    sys.stderr.write(f"{error}\n{error.details}\n")
    return 1


def run_job(index: int, job: Job, shared: Any) -> None:  # noqa: ARG001 - as pools call it
    """Runs the chunks of a job, sums them up, writes results, and does the merge test.

    Args:
        index: Has no meaning.
        job: What to do.
        shared: The processors, from `shared_by_tasks`.
    """
    import awkward as ak

    from tau3mu.execution.merge import Totals
    from tau3mu.train.merging import merge_test
    from tau3mu.train.writing import write_results

    processors, behaviors = shared
    ak.behavior.update(behaviors)
    with _Lines(job.lines) as lines:
        with _opened_files({chunk.path for chunk in job.chunks}) as opened:
            done = _loop(job, processors, lines)
        if done:
            lines.begin("results")
            chunks = [chunk for chunk, _ in done]
            forget_peak()
            spent = _Spent()
            totals = Totals(chunks, processors, job.expected)
            for number, (_, result) in enumerate(done):
                totals.add(number, result)
            found = totals.result()
            sizes = write_results(job.results, found.processors, job.candidates)
            lines.write(
                "results",
                cpu=spent.cpu,
                wall=spent.wall,
                peak=peak_memory(),
                sizes=sizes,
                rows={name: len(one.candidates) for name, one in found.processors.items()},
                held={name: int(one.candidates.nbytes) for name, one in found.processors.items()},
                warnings=list(found.warnings),
                triggers={name: dict(each) for name, each in found.triggers.items()},
            )
            lines.begin("merge test")
            merge = merge_test(done, processors, found, job.expected, job.results, job.candidates)
            lines.write("merge", **asdict(merge))
        lines.write("opened", files=dict(opened))
        lines.begin("end")


def _loop(
    job: Job, processors: Sequence[Processor], lines: _Lines
) -> list[tuple[Chunk, ChunkResult]]:
    """Returns the results of the chunks that were run before the time was up."""
    from tau3mu.execution.chunk import ProcessorError, process_chunk
    from tau3mu.ntuples.open_files import close_files

    done: list[tuple[Chunk, ChunkResult]] = []
    lines.write("start", cpu=_cpu(), memory=memory_now(), resets=forget_peak())
    lines.begin("events")
    begin, failures = time.monotonic(), 0
    for number, chunk in enumerate(job.chunks):
        if number and time.monotonic() - begin >= job.seconds:
            break
        forget_peak()
        spent = _Spent()
        facts = {"dataset": chunk.dataset, "file": chunk.label, "entries": chunk.entries}
        try:
            result = process_chunk(chunk, processors)
        except ProcessorError as error:
            lines.write("failed", **facts, **error_facts(error))
            sys.stderr.write(f"{error}\n{error.details}\n")
            failures += 1
        else:
            if result.failure is None:
                done.append((chunk, result))
                lines.write("chunk", **facts, **spent.facts(), **_facts_of(result))
            else:
                failure = result.failure
                lines.write("unread", **facts, kind=failure.kind, message=failure.message)
                failures += 1
        if failures >= _MOST_FAILURES:
            break
    close_files()
    return done


def error_facts(error: Exception) -> dict[str, str]:
    """Returns the kind of an error of a processor, the deepest line of the user, and its message.

    Args:
        error: As `process_chunk` raises it.
    """
    cause = error.__cause__ or error
    return {
        "kind": type(cause).__name__,
        "place": getattr(error, "path", "") or "",
        "message": str(error),
    }


def _facts_of(result: ChunkResult) -> dict[str, Any]:
    timing = getattr(result, "timing", None)
    parts: dict[str, Any] = {} if timing is None else asdict(timing)
    return {
        "bytes": result.bytes,
        "peak": peak_memory(),
        "memory": memory_now(),
        "rows": {name: len(one.candidates) for name, one in result.outputs.items()},
        "held": sum(int(one.candidates.nbytes) for one in result.outputs.values()),
        "parts": parts,
    }


class _Spent:
    """CPU and wall time since its creation."""

    def __init__(self) -> None:
        self._cpu, self._wall = _cpu(), time.monotonic()

    @property
    def cpu(self) -> float:
        return _cpu() - self._cpu

    @property
    def wall(self) -> float:
        return time.monotonic() - self._wall

    def facts(self) -> dict[str, float]:
        return {"cpu": self.cpu, "wall": self.wall}


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class _Lines:
    """Writes lines of JSON, each flushed, with its kind and its time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _Lines:
        self._file: TextIOWrapper = self._path.open("a", encoding="utf-8", buffering=1)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, line: str, **facts: Any) -> None:
        self._file.write(json.dumps({"line": line, "at": time.monotonic(), **facts}) + "\n")

    def begin(self, phase: str) -> None:
        self.write("phase", phase=phase)


@contextmanager
def _opened_files(data: set[str]) -> Iterator[Counter[str]]:
    """Counts how often each file is opened during the block, apart from programs and data."""
    opened: Counter[str] = Counter()
    counting = True
    ignored = (sys.prefix, sys.base_prefix, "/proc", "/dev", "/sys", str(Path(__file__).parents[1]))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if counting and event == "open" and isinstance(arguments[0], str):
            path, flags = arguments[0], arguments[2]
            if flags & (os.O_WRONLY | os.O_RDWR) or path in data or path.startswith(ignored):
                return
            if not path.endswith((".py", ".pyc")):
                opened[path] += 1

    sys.addaudithook(hook)  # which stays until the end of the process
    try:
        yield opened
    finally:
        counting = False


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
