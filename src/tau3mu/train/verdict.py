"""Whether a test is OK: what was measured against the limits, each finding with its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.train.limits import KILL_FACTOR, Limits
from tau3mu.train.metrics import Finding, Metrics
from tau3mu.train.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["judge", "needs_approval"]

_ABOVE_AVERAGE: Final = 1.3
_SMALL: Final = 100e6
_LEAK: Final = 1e6
_OF_OBJECTS: Final = 0.2e6
"""What the results of a processor for a chunk take beside their numbers, until they are packed."""
_SIGMA: Final = 4.0
_LARGE_LOG: Final = 1_000_000
_OPENED: Final = 3
_APPROVAL: Final = "cpu.limit"


def judge(metrics: Metrics, limits: Limits, *, skip_bad_files: bool = False) -> Metrics:
    """Returns the metrics of a test with its findings, the worst first.

    Args:
        metrics: What was measured.
        limits: Those of the wagon.
        skip_bad_files: Whether files that cannot be read are skipped in a run, too.
    """
    found = [
        *_failures(metrics, limits, skip_bad_files=skip_bad_files),
        *_of_memory(metrics, limits),
        *_of_extrapolation(metrics, limits),
        *_others(metrics),
    ]
    found.sort(key=lambda finding: finding.state is not State.FAILED)
    return metrics.model_copy(update={"findings": tuple(found), "limits": limits})


def needs_approval(metrics: Metrics) -> bool:
    """Returns whether a train with this wagon has to be approved.

    Args:
        metrics: Of its test.
    """
    return any(finding.code == _APPROVAL for finding in metrics.findings)


def _failed(code: str, text: str) -> Finding:
    return Finding(code=code, state=State.FAILED, text=text)


def _warned(code: str, text: str) -> Finding:
    return Finding(code=code, state=State.WARN, text=text)


def _failures(metrics: Metrics, limits: Limits, *, skip_bad_files: bool) -> Iterator[Finding]:
    if metrics.killed:
        code = "memory.killed" if "memory" in metrics.killed else "process.killed"
        yield _failed(code, metrics.killed)
    for error in metrics.errors:
        where = f" ({error.place})" if error.place else ""
        times = f", {error.count} chunks" if error.count > 1 else ""
        example = f" in {error.example}{times}" if error.example else ""
        name = f"{error.wagon}: " if error.wagon else ""
        yield _failed("wagon.raises", f"{name}{error.message}{where}{example}")
    if metrics.unread:
        more = f" and {len(metrics.unread) - 1} more" if len(metrics.unread) > 1 else ""
        make = _warned if skip_bad_files else _failed
        yield make("input.unread", f"{metrics.unread[0]}{more}")
    for name, text in (
        ("halves", "two halves of the chunks do not add up to all of them"),
        ("chunking", "several chunks do not add up to one with the same events"),
    ):
        if differing := (metrics.merge or {}).get(name):
            yield _failed(f"merge.{name}", f"merge test: {text}: {_some(differing)}")
    if not metrics.killed and not metrics.errors and metrics.expected is None:
        yield _failed("results.none", f"no results; exit code {metrics.exit_code}")
    if not metrics.killed and metrics.memory.most > KILL_FACTOR * limits.memory_mb * 1e6:
        size = metrics.memory.most / 1e6
        text = (
            f"{size:.0f} MB of memory, over {KILL_FACTOR} times the limit, {limits.memory_mb:g} MB"
        )
        yield _failed("memory.limit", text)


def _of_memory(metrics: Metrics, limits: Limits) -> Iterator[Finding]:
    memory, expected = metrics.memory, metrics.expected
    limit, most = limits.memory_mb * 1e6, memory.most
    if limit < most <= KILL_FACTOR * limit:
        yield _warned("memory.limit", f"{most / 1e6:.0f} MB of memory, limit {limit / 1e6:g} MB")
    elif expected is not None and expected.memory_bytes > limit >= most:
        size = expected.memory_bytes / 1e6
        text = f"a run may need {size:.0f} MB of memory, limit {limit / 1e6:g} MB"
        yield _warned("memory.expected", f"{text}: choose a smaller chunk_size")
    slope, error = memory.slope, memory.slope_error or 0.0
    least = _LEAK + _OF_OBJECTS * len(metrics.processors)
    if slope is not None and slope > least and slope > _SIGMA * error:
        text = f"memory grows by {slope / 1e6:.1f} ± {error / 1e6:.1f} MB per chunk: a leak?"
        yield _warned("memory.leak", text)
    elif not metrics.killed:  # which says more
        yield from _of_peak(metrics)


def _of_peak(metrics: Metrics) -> Iterator[Finding]:
    memory = metrics.memory
    above = memory.pss_max - memory.pss_average
    if memory.pss_max > _ABOVE_AVERAGE * memory.pss_average and above > _SMALL:
        yield _warned(
            "memory.peak",
            f"the largest memory, {memory.pss_max / 1e6:.0f} MB, is more than 30 % above the "
            f"average, {memory.pss_average / 1e6:.0f} MB",
        )


def _of_extrapolation(metrics: Metrics, limits: Limits) -> Iterator[Finding]:
    expected = metrics.expected
    if expected is not None:
        if expected.cpu_hours > limits.cpu_hours:
            text = (
                f"the whole dataset needs {expected.cpu_hours:.3g} hours of CPU, limit "
                f"{limits.cpu_hours:g}: a train has to be approved (--approve NAME)"
            )
            yield _warned(_APPROVAL, text)
        if expected.output_bytes > limits.output_mb * 1e6:
            size = expected.output_bytes / 1e6
            text = f"the whole dataset gives {size:.0f} MB of output, limit {limits.output_mb:g} MB"
            yield _warned("output.limit", text)
        for name, most in metrics.slim_mb.items():
            size = expected.candidates_bytes.get(name, 0) / 1e6
            if size > most:
                text = f"slim data of {name} may have {size:.0f} MB, at most {most:g} MB are slim"
                yield _warned("skim.not-slim", text)
    for name, wagon in metrics.wagons.items():
        if wagon.skim_events and metrics.events < limits.min_reduction * wagon.skim_events:
            factor = metrics.events / wagon.skim_events
            text = f"the skim of {name} has only {factor:.3g} times fewer events, expected at least"
            yield _warned("skim.reduction", f"{text} {limits.min_reduction:g}")


def _others(metrics: Metrics) -> Iterator[Finding]:
    if metrics.log_bytes > _LARGE_LOG:
        size = metrics.log_bytes / 1e6
        yield _warned("log.large", f"{size:.1f} MB of output for the log: print less")
    often = {
        path: number
        for path, number in metrics.opened.items()
        if number >= _OPENED and number >= len(metrics.chunks) / 2
    }
    if often:
        path, number = max(often.items(), key=lambda item: item[1])
        text = f"{path} is opened {number} times for {len(metrics.chunks)} chunks: once is enough"
        yield _warned("input.opened-often", text)


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
