"""The targets, each with the number that was measured: a target that is not met is marked NO.

Nothing here fails for being slow. The programs of a target run in turn, and the median of the
ratios counts. The targets are for files as the skims are, 8 files of 125,000 events with all
branches; give them with --files. The growth and the small files are scaled down unless
--large-events and --many-files say otherwise.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import pytest
import uproot
from cases import (
    Skipped,
    analysis,
    command_line,
    decompress,
    measure_in_turn,
    measure_points,
    rdataframe,
    rdataframe_on_dask,
    root_on_workers,
)
from ratios import against, not_run, ratio, slope

from measuring.inputs import InputFile, describe, make_copies, make_sample, sample_of
from tau3mu.benchmark.scaling import slopes

WORKERS = 2


@pytest.fixture(scope="module", autouse=True)
def said_on_what(study, files):
    """Names above the targets the files that were used: toys are not representative for most."""
    sample = sample_of(files)
    study.add(
        "targets below were measured on",
        f"{sample.files} files, {sample.events} events, {sample.layout} {sample.form}, "
        f"{sample.compression}",
    )


@pytest.fixture(scope="module")
def target_files(vector_files):
    if not isinstance(vector_files, Skipped) and len(vector_files) < 2:
        return Skipped("one file has no slope: give more")
    return vector_files


@pytest.fixture(scope="module")
def one_process(target_files, options, root):
    """Runs of one process on the first file and on all, side by side with RDataFrame."""
    if isinstance(target_files, Skipped):
        return {}
    parts = {"one": target_files[:1], "all": target_files}
    labels = [("tau3mu", size) for size in parts]
    cases = [command_line(part) for part in parts.values()]
    if not isinstance(root, Skipped):
        labels += [("rdf", size) for size in parts]
        cases += [rdataframe(root, part) for part in parts.values()]
    runs, _ = measure_in_turn(cases, options.repeats)
    return dict(zip(labels, runs, strict=True))


def slope_of(runs, program, files):
    """The CPU seconds per additional event in each round."""
    return slope(runs[program, "one"], runs[program, "all"], files)


def test_one_process_against_rdataframe(study, one_process, target_files, root):
    names = {
        "all": "CPU of the whole process, all files, / RDataFrame",
        "slope": "CPU per additional event / RDataFrame",
        "one": "wall time of a run on one file / RDataFrame",
    }
    targets = {"all": 0.3, "slope": 0.5, "one": 0.4}
    missing = [
        not_run(study, name, f"<= {targets[key]}", target_files, root)
        for key, name in names.items()
    ]
    if any(missing):
        return
    ours, peer = ([run.cpu for run in one_process[who, "all"]] for who in ("tau3mu", "rdf"))
    against(study, names["all"], ours, peer, targets["all"], "s")
    ours, peer = (
        [1e6 * value for value in slope_of(one_process, who, target_files)]
        for who in ("tau3mu", "rdf")
    )
    against(study, names["slope"], ours, peer, targets["slope"], "µs")
    ours, peer = ([run.wall for run in one_process[who, "one"]] for who in ("tau3mu", "rdf"))
    against(study, names["one"], ours, peer, targets["one"], "s")


def test_slope_against_decompression(study, one_process, target_files, options):
    name = "CPU per additional event / decompression with libdeflate"
    if not_run(study, name, "<= 4", target_files):
        return
    seconds = [decompress(target_files, "libdeflate") for _ in range(options.repeats)]
    if not_run(study, name, "<= 4", *seconds):
        return
    events = sum(file.events for file in target_files)
    ours = [1e6 * value for value in slope_of(one_process, "tau3mu", target_files)]
    against(study, name, ours, [1e6 * value / events for value in seconds], 4, "µs")


def test_dask_against_distributed_rdataframe(study, target_files, options, root):
    name = f"{WORKERS} Dask workers, cluster already up, / distributed RDataFrame"
    on_workers = root_on_workers(root, options.scheduler)
    if not_run(study, name, "<= 0.25", target_files, on_workers):
        return
    where = {"workers": WORKERS, "scheduler": options.scheduler}
    cases = [
        analysis(target_files, executor="dask", **where),
        rdataframe_on_dask(root, target_files, **where),
    ]
    runs, _ = measure_in_turn(cases, options.repeats)
    ours, peer = ([with_cluster(run) for run in its] for its in runs)
    against(study, name, ours, peer, 0.25, "s")


def with_cluster(run):
    """Seconds of all but imports and the start of the cluster: check, events, and results."""
    stages = run.stages
    check = stages["checked"] - stages["imported"] if "checked" in stages else 0.0
    return check + stages.get("finished", stages["read"]) - stages["reading"]


def test_two_workers_against_one_process(study, files, options):
    cases = [analysis(files, executor="dask", workers=WORKERS), analysis(files)]
    (dask, alone), _ = measure_in_turn(cases, options.repeats)
    gain = ratio([run.loop for run in alone], [run.loop for run in dask])
    study.add(
        f"{WORKERS} Dask workers are faster than one process, event loop",
        f"{gain:.2f} x",
        ">= 1.7 x",
        met=gain >= 1.7,
    )


@pytest.mark.parametrize(("executor", "target"), [("iterative", 2.5), ("dask", 10.0)])
def test_time_until_the_first_chunk(study, files, options, executor, target):
    case = analysis(files, executor=executor, workers=WORKERS if executor == "dask" else 1)
    (runs,), _ = measure_in_turn([case], options.repeats)
    seconds = median(run.stages["first"] for run in runs)
    study.add(
        f"from the shell until the first chunk is read and selected, {executor}",
        f"{seconds:.1f} s",
        f"<= {target} s",
        met=seconds <= target,
    )


def test_memory_of_a_worker(study, files, options):
    parts = {"one file": files[:1], "all files": files}
    for executor, workers in (("iterative", 1), ("dask", WORKERS)):
        cases = [analysis(part, executor=executor, workers=workers) for part in parts.values()]
        runs, _ = measure_in_turn(cases, options.repeats)
        first, last = (median(run.peak for run in its) / 1e6 for its in runs)
        study.add(
            f"peak memory of the largest process, {executor}",
            f"{last:.0f} MB",
            "<= 600 MB",
            met=last <= 600,
        )
        study.add(
            f"its growth from one file to all {len(files)}, {executor}",
            f"{100 * (last / first - 1):+.0f} %",
            "flat (5 %)",
            met=last <= 1.05 * first,
        )


def test_growth_to_many_events(study, options):
    name, target = "slope from a tenth of the events to all, largest deviation", "<= 5 %"
    number = 20
    paths = make_sample(
        options.cache,
        layout="nano",
        compression="zlib",
        events=options.large_events // number,
        files=number,
        workers=options.max_workers,
    )
    files = describe([str(path) for path in paths])
    # Two equal steps: a slope is a difference of times that vary by some percent each.
    cases = [analysis(files[:part]) for part in (2, 11, 20)]
    points = measure_points("growth", cases, options.repeats)
    study.points += points
    steps = slopes(points, "cpu")
    (mean,) = slopes([points[0], points[-1]], "cpu")
    worst = max(abs(step / mean - 1) for step in steps)
    study.add(
        f"{name}, {points[-1].sample.events} events",
        f"{100 * worst:.1f} % of {1e6 * mean:.2f} µs CPU per event",
        target,
        met=worst <= 0.05,
    )


def test_many_small_files(study, options):
    name, target = "overhead per file, beyond opening it with uproot", "<= 3 ms"
    few, many = many_files(options)
    (ours, base), _ = measure_in_turn([analysis(many), analysis(few)], options.repeats)
    more = len(many) - len(few)
    total = [(a.wall - b.wall) / more for a, b in zip(ours, base, strict=True)]
    opening = seconds_of_opening(few[:20])
    overhead = 1000 * (median(total) - opening)
    study.add(
        f"{name}, {len(many)} files",
        f"{overhead:+.1f} ms ({1000 * median(total):.1f} in all, {1000 * opening:.1f} to open)",
        target,
        met=overhead <= 3,
    )


def many_files(options):
    """Returns a tenth of the files, and all of them: copies of one small file."""
    number = options.many_files
    (source,) = make_sample(
        options.cache, layout="nano", compression="zlib", events=100, files=1, workers=1
    )
    (facts,) = describe([str(source)])
    folder = options.cache / f"{Path(source).parent.name}-copies-{number}"
    paths = make_copies(source, folder, number)
    files = [InputFile(**{**vars(facts), "path": str(path)}) for path in paths]
    return files[: number // 10], files


def seconds_of_opening(files):
    """The median of the time to open a file and its tree, each once."""
    seconds = []
    for file in files:
        begin = time.perf_counter()
        with uproot.open(file.path) as opened:
            assert opened[file.tree].num_entries == file.events
        seconds.append(time.perf_counter() - begin)
    return median(seconds)
