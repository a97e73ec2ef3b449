"""The metrics of a test, from what its process wrote about itself and what was seen of it."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tau3mu.train.extrapolation import (
    chunk_costs,
    later_half,
    leak,
    linear,
    memory_of_chunks,
)
from tau3mu.train.metrics import (
    ChunkUse,
    DatasetUse,
    ErrorOfUser,
    Expected,
    MemoryUse,
    PartUse,
    Sample,
    Times,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.train.measuring import Watched

__all__ = ["Whole", "evaluate"]

_MOST_SAMPLES: Final = 400
_WATTS: Final = 20.0
_GRAMS_PER_KWH: Final = 301.0


@dataclass(frozen=True)
class Whole:
    """What a run of the whole dataset would do.

    Attributes:
        chunks: Its chunks.
        check: CPU seconds of the check of its files.
    """

    chunks: Sequence[Chunk]
    check: float


def evaluate(watched: Watched, whole: Whole) -> dict[str, Any]:
    """Returns the measured attributes of `Metrics`.

    Args:
        watched: What is known of the process of the test.
        whole: What the run of the whole dataset would do.
    """
    lines = watched.of("chunk")
    files = {(chunk.dataset, chunk.path, chunk.tree) for chunk in whole.chunks}
    entries: Counter[str] = Counter()
    for chunk in whole.chunks:
        entries[chunk.dataset] += chunk.entries
    read, chunks = Counter[str](), Counter[str]()
    for line in lines:
        read[line["dataset"]] += line["entries"]
        chunks[line["dataset"]] += 1
    events, total = sum(read.values()), sum(entries.values())
    loop = Times(cpu=_sum(lines, "cpu"), wall=_sum(lines, "wall"))
    results = next(iter(watched.of("results")), {})
    merge = next(iter(watched.of("merge")), {})
    opened = next(iter(watched.of("opened")), {}).get("files", {})
    n_bytes = int(_sum(lines, "bytes"))
    found: dict[str, Any] = {
        "exit_code": watched.code,
        "killed": watched.killed or _signal(watched.code),
        "complete": events == total,
        "events": events,
        "datasets": {
            name: DatasetUse(
                entries=number,
                files=sum(file[0] == name for file in files),
                events=read[name],
                chunks=chunks[name],
            )
            for name, number in entries.items()
        },
        "input_bytes": n_bytes,
        "log_bytes": watched.log_bytes,
        "check": Times(cpu=whole.check, wall=whole.check),
        "loop": loop,
        "results": Times(cpu=results.get("cpu", 0.0), wall=results.get("wall", 0.0)),
        "errors": _errors(watched),
        "unread": tuple(line["message"] for line in watched.of("unread")),
        "opened": opened,
        "remarks": tuple(results.get("warnings", ())),
        "phases": {line["phase"]: line["at"] - watched.begin for line in watched.of("phase")},
        "samples": _samples(watched),
        "chunks": tuple(_chunk(line, watched.begin) for line in lines),
    }
    if merge.get("done"):
        found["merge"] = {name: tuple(merge[name]) for name in ("halves", "chunking")}
        found["rounding"] = merge["rounding"]
    if start := next(iter(watched.of("start")), None):
        found["start"] = Times(cpu=start["cpu"], wall=start["at"] - watched.begin)
        found["memory"] = _memory(watched, start, lines, results, events)
    if loop.wall > 0:
        found["events_per_second"] = events / loop.wall
        found["megabytes_per_second"] = n_bytes / 1e6 / loop.wall
        found["reader"], found["wagons"] = _parts(lines, results, loop, n_bytes)
    if results and start and lines:
        skims = sum(part.skim for part in found["wagons"].values())
        found["output_bytes"] = _output(results["sizes"]) + skims
        found["expected"] = _expected(watched, whole, found, entries)
    return found


def _sum(lines: Sequence[dict[str, Any]], key: str) -> float:
    return sum(float(line[key]) for line in lines)


def _signal(code: int) -> str:
    """Returns by what a process died, empty if it ended by itself."""
    if code >= 0:
        return ""
    name = signal.Signals(-code).name
    more = ": the system may have run out of memory" if name == "SIGKILL" else ""
    return f"the process died of {name}{more}"


def _errors(watched: Watched) -> tuple[ErrorOfUser, ...]:
    """Returns the errors of processors, and that which ended the process, in groups."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for line in watched.of("failed"):
        key = line["wagon"], line["kind"], line["place"]
        groups.setdefault(key, []).append(line)
    found = [
        ErrorOfUser(
            wagon=wagon, kind=kind, place=place, message=group[0]["message"],
            example=group[0]["example"], count=len(group),
        )
        for (wagon, kind, place), group in groups.items()
    ]  # fmt: skip
    found += [
        ErrorOfUser(wagon="", kind=line["code"], place=line["path"], message=line["message"])
        for line in watched.of("error")
    ]
    return tuple(found)


def _samples(watched: Watched) -> tuple[Sample, ...]:
    """Returns the samples, of very many the highest of each stretch of time."""
    step = -(-len(watched.samples) // _MOST_SAMPLES) or 1
    stretches = (watched.samples[i : i + step] for i in range(0, len(watched.samples), step))
    highest = (max(some, key=lambda sample: sample[1]) for some in stretches)
    return tuple(
        Sample(at=round(at - watched.begin, 3), pss=pss, private=private)
        for at, pss, private in highest
    )


def _chunk(line: dict[str, Any], begin: float) -> ChunkUse:
    names = ("dataset", "entries", "cpu", "wall", "bytes", "peak", "memory", "held")
    return ChunkUse(at=line["at"] - begin, **{name: line[name] for name in names})


def _memory(
    watched: Watched,
    start: dict[str, Any],
    lines: Sequence[dict[str, Any]],
    results: dict[str, Any],
    events: int,
) -> MemoryUse:
    phases = {line["phase"]: line["at"] for line in watched.of("phase")}
    end = phases.get("large chunk", phases.get("results", float("inf")))
    during = [(p, own) for at, p, own in watched.samples if phases.get("events", 0.0) <= at <= end]
    peaks = [line["peak"] for line in lines]
    pss, private = [one[0] for one in during], [one[1] for one in during]
    known: dict[str, Any] = {"source": "pss" if pss else "rss"}
    pss = pss or peaks or [start["memory"]]
    private = private or pss
    slope, error = leak([line["memory"] for line in lines], [line["held"] for line in lines])
    if lines:
        large = next(iter(watched.of("large")), None)
        at = None if large is None else (large["entries"], large["peak"])
        sizes = [line["entries"] for line in lines]
        known["per_event"] = memory_of_chunks(start["memory"], sizes, peaks, at)[1]
        known["held"] = _sum(lines, "held") / events
    return MemoryUse(
        **known,
        start=start["memory"],
        pss_max=max(pss),
        pss_average=round(sum(pss) / len(pss)),
        private_max=max(private),
        private_average=round(sum(private) / len(private)),
        peak=max(peaks, default=0),
        slope=slope,
        slope_error=error,
        results=results.get("peak", 0),
    )


def _parts(
    lines: Sequence[dict[str, Any]], results: dict[str, Any], loop: Times, n_bytes: int
) -> tuple[PartUse, dict[str, PartUse]]:
    """Returns what the reader and each processor needed."""
    times = [line["parts"] for line in lines]
    rows: Counter[str] = Counter()
    for line in lines:
        rows.update(line["rows"])
    reader = PartUse(bytes=n_bytes)
    if all(times):
        cpu = sum(one["read_cpu"] for one in times)
        reader = PartUse(
            cpu=cpu,
            wall=sum(one["read_wall"] for one in times),
            fraction=cpu / loop.cpu if loop.cpu else None,
            bytes=n_bytes,
        )
    wagons = {}
    for name, number in rows.items():
        size = results.get("sizes", {}).get(name, {"candidates": 0, "others": 0})
        known: dict[str, Any] = {}
        if all(times):
            known["cpu"] = sum(one["cpu"].get(name, 0.0) for one in times)
            known["wall"] = sum(one["wall"].get(name, 0.0) for one in times)
            known["fraction"] = known["cpu"] / loop.cpu if loop.cpu else None
        skims = [line["skims"].get(name, (0, 0)) for line in lines]
        wagons[name] = PartUse(
            skim_events=sum(events for events, _ in skims),
            skim=sum(n_bytes for _, n_bytes in skims),
            bytes=size["candidates"] + size["others"],
            candidates=number,
            histograms=size["others"],
            **known,
        )
    return reader, wagons


def _output(sizes: dict[str, dict[str, int]]) -> int:
    return sum(sum(each.values()) for each in sizes.values())


def _expected(
    watched: Watched, whole: Whole, found: dict[str, Any], entries: Counter[str]
) -> Expected:
    lines, results = watched.of("chunk"), watched.of("results")[0]
    large = watched.of("large")
    merge = next(iter(watched.of("merge")), {}).get("half", {})
    total, events = sum(entries.values()), found["events"]
    counted = [*lines[later_half(len(lines))], *large]
    costs = chunk_costs(
        [line["dataset"] for line in counted],
        [line["entries"] for line in counted],
        [line["cpu"] for line in counted],
    )
    half_events = merge.get("events", events)
    finish = linear((half_events, merge.get("cpu", 0.0)), (events, results["cpu"]), total)
    start = found["start"].cpu
    loop = len(whole.chunks) * costs.per_chunk
    loop += sum(number * costs.of(name) for name, number in entries.items())
    files = sum(one.files for one in found["datasets"].values())
    candidates = _expected_candidates(lines, results, merge, entries)
    cpu = start + whole.check + loop + finish
    return Expected(
        events=total,
        chunks=len(whole.chunks),
        cpu_hours=cpu / 3600,
        seconds_fixed=start + finish,
        seconds_per_chunk=costs.per_chunk,
        seconds_per_file=whole.check / files,
        microseconds_per_event=1e6 * loop / total,
        output_bytes=round(
            sum(candidates.values())
            + sum(sizes["others"] for sizes in results["sizes"].values())
            + _expected_skims([*lines, *large], lines, entries)
        ),
        candidates_bytes=candidates,
        memory_bytes=round(_expected_memory(whole, found, lines, large, results, total)),
        grams_co2=cpu / 3600 * _WATTS / 1000 * _GRAMS_PER_KWH,
    )


def _expected_candidates(
    lines: Sequence[dict[str, Any]],
    results: dict[str, Any],
    merge: dict[str, Any],
    entries: Counter[str],
) -> dict[str, int]:
    """Returns the bytes of the files of candidates by processor, which grow with their number."""
    found = {}
    for name, sizes in results["sizes"].items():
        rows = _expected_rows(lines, [line["rows"].get(name, 0) for line in lines], entries)
        whole = half = results["rows"][name], sizes["candidates"]
        if merge:
            own = merge["sizes"].get(name, {})  # the half may have none of what it reads
            half = merge["rows"].get(name, 0), own.get("candidates", 0)
        found[name] = round(linear(half, whole, rows))
    return found


def _expected_skims(
    seen: Sequence[dict[str, Any]], lines: Sequence[dict[str, Any]], entries: Counter[str]
) -> float:
    """Returns the bytes of all skims, whose files are merged: what each chunk adds is left out."""
    total = 0.0
    for name in dict.fromkeys(name for line in lines for name in line["skims"]):
        parts = [line["skims"][name] for line in seen if name in line["skims"]]
        sizes = [float(size) for _, size in parts]
        costs = chunk_costs([name] * len(parts), [max(kept, 1) for kept, _ in parts], sizes)
        kept = [line["skims"].get(name, (0, 0))[0] for line in lines]
        events = _expected_rows(lines, kept, entries)
        total += costs.per_chunk + costs.of(name) * events
    return total


def _expected_rows(
    lines: Sequence[dict[str, Any]], rows: Sequence[int], entries: Counter[str]
) -> float:
    """Returns the rows of all events, of which each dataset has its own density."""
    density: dict[str, float] = {}
    for dataset in entries:
        own = [i for i, line in enumerate(lines) if line["dataset"] == dataset]
        own = own or list(range(len(lines)))
        density[dataset] = sum(rows[i] for i in own) / sum(lines[i]["entries"] for i in own)
    return sum(number * density[dataset] for dataset, number in entries.items())


def _expected_memory(
    whole: Whole,
    found: dict[str, Any],
    lines: Sequence[dict[str, Any]],
    large: Sequence[dict[str, Any]],
    results: dict[str, Any],
    total: int,
) -> float:
    """Returns the peak of a process: with its largest chunk, or with all results at the end."""
    memory: MemoryUse = found["memory"]
    events = int(found["events"])
    most = max(chunk.entries for chunk in whole.chunks)
    sizes, peaks = [line["entries"] for line in lines], [line["peak"] for line in lines]
    at = (large[0]["entries"], large[0]["peak"]) if large else None
    base, per_event = memory_of_chunks(memory.start, sizes, peaks, at)
    more = memory.held * max(0, total - events)
    growth = 0.0
    if memory.slope is not None and memory.slope > 4 * (memory.slope_error or 0.0):
        growth = memory.slope * max(0, len(whole.chunks) - len(lines))
    held = _sum(lines, "held")
    before = int(lines[-1]["memory"])
    # Adding up and writing takes some times as much as the results themselves.
    end = before + max(0, int(results["peak"]) - before) / max(held, 1) * (held + more)
    return max(
        memory.peak, base + per_event * most + more + growth, end if held > 10_000_000 else 0.0
    )
