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

from tau3mu.train.extrapolation import affordable
from tau3mu.train.memory import OwnMemory
from tau3mu.train.sampling import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from io import TextIOWrapper

    from typing_extensions import Self

    from tau3mu.datasets import Chunk
    from tau3mu.derived.requests import SkimJob
    from tau3mu.execution import ChunkResult
    from tau3mu.execution.set_apart import ErrorGroup
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor
    from tau3mu.train.merging import Done

__all__ = ["Job", "main", "run_job"]

_PARENT_SECONDS = 1.0
_MOST_FAILURES = 20
_FOR_LARGE = 0.2
"""The part of the time that is kept for a chunk as large as those of a run."""
_CAUTION = 0.5
_PAUSE = 1.0


@dataclass(frozen=True)
class Job:
    """What a process of a test does.

    Attributes:
        chunks: To be run in this order.
        large: A chunk as large as those of a run; of the time, a part is kept for it.
        expected: What the processors return without events.
        seconds: After which no further chunk is begun.
        lines: The file for the lines of JSON.
        results: The folder for the results.
        candidates: Their format.
    """

    chunks: Sequence[Chunk]
    large: Chunk
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

    processors, behaviors, _, skims, certifications = shared
    how = {"isolate": True, "certifications": certifications}
    ak.behavior.update(behaviors)
    with _Lines(job.lines) as lines:
        memory = OwnMemory()
        with _opened_files({chunk.path for chunk in job.chunks}, job.lines.parent) as opened:
            done = _loop(job, processors, skims, how, memory, lines)
            left = [one for one in processors if _is_sound(one, done)]
            large = _large(job, left, skims, how, done, memory, lines) if done and left else None
        if done and left:
            _finish(job, left, done, large, how, memory, lines)
        lines.write("opened", files=dict(opened))
        lines.begin("end")


def _is_sound(processor: Processor, done: Sequence[Done]) -> bool:
    """Returns whether a processor has found something in all chunks that it reads."""
    return all(
        processor.name in result.outputs
        for chunk, result in done
        if chunk.is_read_by(processor.name)
    )


def _finish(
    job: Job,
    processors: Sequence[Processor],
    done: list[Done],
    large: Done | None,
    how: Mapping[str, Any],
    memory: OwnMemory,
    lines: _Lines,
) -> None:
    """Sums up what was found, writes it, and does the merge test."""
    from tau3mu.execution.merge import Totals
    from tau3mu.execution.set_apart import NoneLeftError, SetApart
    from tau3mu.train.merging import merge_test
    from tau3mu.train.writing import write_results

    lines.begin("results")
    memory.begin()
    spent = _Spent()
    apart = SetApart(processors)
    totals = Totals([chunk for chunk, _ in done], processors, job.expected, apart)
    try:
        for number, (_, result) in enumerate(done):
            totals.add(number, result)
        found = totals.result()
    except NoneLeftError:
        found = None
    for name, groups in apart.groups.items():
        for group in groups:
            _write_error(lines, name, group)
    if found is None or not found.processors:
        return
    sizes = write_results(job.results, found.processors, job.candidates)
    lines.write(
        "results",
        cpu=spent.cpu,
        wall=spent.wall,
        peak=memory.peak(),
        sizes=sizes,
        rows={name: len(one.candidates) for name, one in found.processors.items()},
        warnings=list(found.warnings),
        triggers={name: dict(each) for name, each in found.triggers.items()},
    )
    lines.begin("merge test")
    some = [one for one in processors if one.name in found.processors]
    merged = merge_test(done, large, some, found, job.expected, job.results, job.candidates, how)
    lines.write("merge", **asdict(merged))


def _loop(
    job: Job,
    processors: Sequence[Processor],
    skims: Sequence[SkimJob],
    how: Mapping[str, Any],
    memory: OwnMemory,
    lines: _Lines,
) -> list[Done]:
    """Returns the results of the chunks that were run before the time was up."""
    from tau3mu.execution.chunk import process_chunk

    done: list[Done] = []
    lines.write("start", cpu=_cpu(), memory=memory.now())
    lines.begin("events")
    begin, failures = time.monotonic(), 0
    for number, chunk in enumerate(job.chunks):
        if number and time.monotonic() - begin >= (1 - _FOR_LARGE) * job.seconds:
            break
        memory.begin()
        spent = _Spent()
        result = process_chunk(chunk, processors, skims, **how)
        if result.failure is not None and result.failure.kind == "transient":
            time.sleep(_PAUSE)  # a server that does not answer may do so now
            result = process_chunk(chunk, processors, skims, **how)
        facts = _facts_about(chunk) | spent.facts()
        for name, group in result.set_apart.items():
            _write_error(lines, name, group)
        if result.failure is not None:
            failure = result.failure
            lines.write("unread", **facts, kind=failure.kind, message=failure.message)
        elif result.outputs:
            done.append((chunk, result))
            lines.write(
                "chunk", **facts, **_facts_of(result, memory), skims=_parts(skims, chunk, result)
            )
        failures += result.failure is not None or bool(result.set_apart)
        if failures >= _MOST_FAILURES:
            break
    return done


def _large(
    job: Job,
    processors: Sequence[Processor],
    skims: Sequence[SkimJob],
    how: Mapping[str, Any],
    done: list[Done],
    memory: OwnMemory,
    lines: _Lines,
) -> Done | None:
    """Returns a chunk as large as those of a run and its result, None if there is no time for it.

    Costs and memory of a run are nearer to those of this chunk than to those of small ones. It has
    events that were read before, whose results are not counted twice.
    """
    from tau3mu.execution.chunk import process_chunk

    sizes = [chunk.entries for chunk, _ in done]
    seconds = [result.seconds for _, result in done]
    chunk, _ = cut(job.large, affordable(sizes, seconds, _CAUTION * _FOR_LARGE * job.seconds))
    borders = _read_until(chunk, done)
    within = [border for border in borders if border <= chunk.stop]
    if within and borders[-1] >= chunk.stop:  # then results can be compared
        chunk, _ = cut(chunk, int((chunk.places < within[-1]).sum()))
    if chunk.entries <= max(sizes):
        return None
    lines.begin("large chunk")
    memory.begin()
    spent = _Spent()
    result = process_chunk(chunk, processors, skims, **how)
    for name, group in result.set_apart.items():
        _write_error(lines, name, group)
    if result.failure is not None or result.set_apart:
        return None
    facts = _facts_about(chunk) | spent.facts() | _facts_of(result, memory)
    lines.write("large", **facts, skims=_parts(skims, chunk, result))
    return chunk, result


def _read_until(large: Chunk, done: Sequence[Done]) -> list[int]:
    """Returns where the chunks ended that were read without a gap from where a chunk starts."""
    ends = {
        chunk.start: chunk.stop
        for chunk, _ in done
        if (chunk.dataset, chunk.path, chunk.tree) == (large.dataset, large.path, large.tree)
    }
    found, at = [], large.start
    while at in ends:
        at = ends[at]
        found.append(at)
    return found


def _write_error(lines: _Lines, name: str, group: ErrorGroup) -> None:
    sys.stderr.write(f"{name}, {group.example}: {group.message}\n{group.details}\n")
    lines.write(
        "failed", wagon=name, kind=group.kind, place=group.place, message=group.message,
        example=group.example,
    )  # fmt: skip


def _parts(
    skims: Sequence[SkimJob], chunk: Chunk, result: ChunkResult
) -> dict[str, tuple[int, int]]:
    """Returns the events and the bytes of the parts of skims that a chunk gave, and removes them.

    They are by the name of the processor.
    """
    from tau3mu.derived.parts import part_path

    found = {}
    for skim in skims:
        part = part_path(skim, chunk)
        if skim.processor in result.outputs and part.is_file():
            rows = result.outputs[skim.processor].cutflow
            every = [*rows, *(cut for row in rows for cut in getattr(row, "cuts", ()))]
            events = next(row.events for row in every if row.name == skim.step)
            found[skim.processor] = events, part.stat().st_size
            part.unlink()
    return found


def _facts_about(chunk: Chunk) -> dict[str, Any]:
    return {
        "dataset": chunk.dataset,
        "path": chunk.path,
        "start": chunk.start,
        "entries": chunk.entries,
    }


def _facts_of(result: ChunkResult, memory: OwnMemory) -> dict[str, Any]:
    return {
        "bytes": result.bytes,
        "peak": memory.peak(),
        "memory": memory.now(),
        "rows": {name: len(one.candidates) for name, one in result.outputs.items()},
        "held": sum(int(one.candidates.nbytes) for one in result.outputs.values()),
        "parts": result.timing.rounded(),
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

    def __enter__(self) -> Self:
        self._file: TextIOWrapper = self._path.open("a", encoding="utf-8", buffering=1)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, line: str, **facts: Any) -> None:
        self._file.write(json.dumps({"line": line, "at": time.monotonic(), **facts}) + "\n")

    def begin(self, phase: str) -> None:
        self.write("phase", phase=phase)


@contextmanager
def _opened_files(data: set[str], folder: Path) -> Iterator[Counter[str]]:
    """Counts how often each file is opened during the block, but not programs, data and ours."""
    opened: Counter[str] = Counter()
    counting = True
    ours = str(Path(__file__).parents[1]), str(folder)
    ignored = (sys.prefix, sys.base_prefix, "/proc", "/dev", "/sys", *ours)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if counting and event == "open" and isinstance(arguments[0], str):
            path, flags = arguments[0], arguments[2]
            if flags & (os.O_WRONLY | os.O_RDWR) or path in data or path.startswith(ignored):
                return
            if not path.endswith((".py", ".pyc")) and "-info/" not in path:  # of packages
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
