"""How time and memory grow with events, workers and the size of chunks."""

from __future__ import annotations

import pytest
from cases import Skipped, analysis, measure_points, on_dask, rdataframe

from measuring.measurement import usage_of_workers
from tau3mu.benchmark.scaling import curves, efficiencies, line


@pytest.fixture(scope="module")
def workers(options):
    """The numbers of workers: doubled step by step, or that of the cluster that was given."""
    if options.scheduler:
        return [len(usage_of_workers(options.scheduler))]
    numbers = [1]
    while numbers[-1] < options.max_workers:
        numbers.append(min(2 * numbers[-1], options.max_workers))
    return numbers


def sizes(files, steps):
    """All files, half of them, and so on, from few to many."""
    found = [files]
    while len(found) < steps and len(found[-1]) > 1:
        found.append(files[: len(found[-1]) // 2])
    return found[::-1]


def test_time_against_size(study, files, options, workers, root):
    parts = sizes(files, options.steps)
    cases = [analysis(part) for part in parts]
    cases += [on_dask(part, options, workers[-1]) for part in parts]
    if not isinstance(root, Skipped) and files[0].form == "std::vector TTree":
        cases += [rdataframe(root, part) for part in parts]
    points = measure_points("size", cases, options.repeats)
    study.points += points
    for name, curve in curves(points, "size").items():
        candidates = [point.found.candidates for point in curve]
        assert candidates == sorted(candidates)
        assert candidates[-1] > 0
        if len(curve) > 1:
            (start, wall), (begin, cpu) = line(curve), line(curve, "cpu")
            study.add(
                f"{name}: start and slope",
                f"{start:.1f} s {1e6 * wall:+.1f} µs per event; "
                f"CPU {begin:.1f} s {1e6 * cpu:+.1f} µs",
            )
            report_bytes(study, name, curve)


def report_bytes(study, name, curve):
    small, large = curve[0], curve[-1]
    needed = large.sample.needed - small.sample.needed
    if "dask" in name or not large.median("read"):
        return
    read = large.median("read") - small.median("read")
    study.add(
        f"{name}: bytes read per byte needed",
        f"{read / needed:.2f} (of each file {100 * large.sample.needed / large.sample.size:.0f} % "
        "are needed)",
    )


def test_time_against_workers(study, files, options, workers):
    cases = [on_dask(files, options, number) for number in workers]
    if not options.scheduler:
        cases += [analysis(files, executor="futures", workers=number) for number in workers]
    cases.append(analysis(files))
    points = measure_points("workers", cases, options.repeats)
    study.points += points
    for name, curve in curves(points, "workers").items():
        measured = ", ".join(
            f"{value:.2f} with {number}" for number, value in efficiencies(curve).items()
        )
        if "iterative" not in name:
            study.add(f"{name}: speed per worker in the event loop", measured)


def test_time_against_chunk_size(study, files, options):
    largest = max(file.events for file in files)
    chunks = [max(largest // parts, 1) for parts in (8, 4, 2, 1)]
    cases = [analysis(files, chunk_size=size) for size in chunks]
    points = measure_points("chunk size", cases, options.repeats)
    study.points += points
    assert len({point.found.digest for point in points}) == 1
