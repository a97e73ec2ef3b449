"""Other programs on the same files, in turn; all have to find the same candidates."""

from __future__ import annotations

from statistics import median

import pytest
from cases import (
    Skipped,
    analysis,
    command_line,
    decompress,
    event_loop,
    measure_in_turn,
    measure_points,
    rdataframe,
    rdataframe_on_dask,
    root_on_workers,
)
from ratios import against, not_run, slope

from measuring.selections import search_of

LIBRARIES = ("libdeflate", "zlib")
MOST_FOR_PYTHON = 50_000  # events of a file; some 200 µs are spent on each


def test_programs(study, vector_files, options, root):
    if isinstance(vector_files, Skipped):
        study.add("peers", vector_files.why, met="not run")
        return
    cases = [analysis(vector_files)]
    if vector_files[0].events <= MOST_FOR_PYTHON:
        cases += [analysis(vector_files[:1]), event_loop(vector_files[:1])]
    else:
        study.add("Python loop", f"files of more than {MOST_FOR_PYTHON} events", met="not run")
    if isinstance(root, Skipped):
        study.add("RDataFrame", root.why, met="not run")
    else:
        cases.append(rdataframe(root, vector_files))
        cases.append(rdataframe(root, vector_files, threads=options.max_workers))
    on_workers = root_on_workers(root, options.scheduler)
    if isinstance(on_workers, Skipped):
        study.add("distributed RDataFrame", on_workers.why, met="not run")
    else:
        where = {"workers": options.max_workers, "scheduler": options.scheduler}
        cases.append(rdataframe_on_dask(root, vector_files, **where))
    study.points += measure_points("programs", cases, options.repeats)


@pytest.mark.parametrize("inputs", [False, True], ids=["selection", "inputs"])
def test_search_against_rdataframe(study, search_files, options, root, inputs):
    """The search for τ→3μ, also with the inputs of its discriminant, in both programs."""
    what = "search with inputs" if inputs else "search"
    names = {
        "all": f"{what}, CPU of the whole process, all files, / RDataFrame",
        "slope": f"{what}, CPU per additional event / RDataFrame",
    }
    targets = {"all": 0.45, "slope": 0.75}
    missing = [
        not_run(study, name, f"<= {targets[key]}", search_files) for key, name in names.items()
    ]
    if any(missing):
        return
    search, parts = search_of("2017", inputs=inputs), (search_files[:1], search_files)
    cases = [command_line(part, search) for part in parts]
    cases += [rdataframe(root, part, search) for part in parts]
    (one, every, root_one, root_every), _ = measure_in_turn(cases, options.repeats)
    ours, peer = ([run.cpu for run in runs] for runs in (every, root_every))
    against(study, names["all"], ours, peer, targets["all"], "s")
    ours, peer = (
        [1e6 * value for value in slope(*runs, search_files)]
        for runs in ((one, every), (root_one, root_every))
    )
    against(study, names["slope"], ours, peer, targets["slope"], "µs")


def test_decompression_alone(study, vector_files, options):
    if isinstance(vector_files, Skipped):
        study.add("decompression alone", vector_files.why, met="not run")
        return
    events = sum(file.events for file in vector_files)
    for library in LIBRARIES:
        seconds = [decompress(vector_files, library) for _ in range(options.repeats)]
        skipped = [item for item in seconds if isinstance(item, Skipped)]
        if skipped:
            study.add(f"decompression alone, {library}", skipped[0].why, met="not run")
        else:
            cpu = median(seconds)
            study.add(
                f"decompression alone, {library}",
                f"{cpu:.2f} s CPU, {1e6 * cpu / events:.2f} µs per event",
            )
